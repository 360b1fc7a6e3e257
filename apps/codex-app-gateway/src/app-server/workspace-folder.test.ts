import { mkdir, stat } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { createCodexHome, useCleanup } from '@codex-gateways/testing';
import fc from 'fast-check';
import { prepareWorkspaceFolder, workspaceFolderName } from './workspace-folder.ts';

describe('the folder of a workspace', () => {
  const cleanup = useCleanup();

  it.each(['ws_1', '0f8fad5b-d9cb-469f-a165-70867728950e', 'a'])('has the name of a plain id: %s', (id) => {
    expect(workspaceFolderName(id)).toBe(id);
  });

  it.each(['..', '.', '', '../ws_1', '/etc', 'a/b', 'a\\b', 'WS_1', '~x', '-rf', 'a\0b', 'é', 'con.', 'a'.repeat(65)])(
    'has another name for %j, which is no path',
    (id) => {
      expect(workspaceFolderName(id)).toMatch(/^~[0-9a-f]{40}$/);
    },
  );

  it('is one level below its parent and nobody else’s, whatever the id', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (left, right) => {
        const name = workspaceFolderName(left);
        expect(normalize(join('/state', name))).toBe(`/state/${name}`);
        expect(name === workspaceFolderName(right)).toBe(left === right);
        expect(name.toLowerCase()).toBe(name);
      }),
    );
  });

  it('is closed to other users, also when it was open before', async () => {
    const home = await createCodexHome();
    cleanup.after(() => home.remove());
    await mkdir(join(home.path, 'workspaces', 'ws_1', 'codex-home'), { recursive: true, mode: 0o777 });
    const folder = await prepareWorkspaceFolder(home.path, 'ws_1');
    expect(folder.codexHome).toBe(join(home.path, 'workspaces', 'ws_1', 'codex-home'));
    for (const path of Object.values(folder)) expect((await stat(path)).mode & 0o777).toBe(0o700);
  });
});
