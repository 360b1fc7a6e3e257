import { runModule } from '../../test/node-process.ts';
import { useTemporaryFolder } from '../../test/temporary-folder.ts';
import { type KeyringModule, KeyringSecrets } from './keyring-secrets.ts';

const folder = useTemporaryFolder();

describe('a keyring that cannot be used', () => {
  it('says so where no keyring daemon runs, instead of falling back to a store that forgets', async () => {
    const { stdout, stderr } = await runModule(
      `import { KeyringSecrets } from 'DIST/secrets/keyring-secrets.js';
       const secrets = new KeyringSecrets({ service: 'codex-gateways-test', lockFolder: process.env.FOLDER });
       await secrets.probe().catch(({ code, message }) => process.stdout.write(code + ': ' + message));`,
      { FOLDER: folder.path, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent/bus' },
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(
      /^secrets_unavailable: the operating system's keyring cannot be used \(.+\): start and unlock/,
    );
  });

  it('says so where the optional package is missing, and tries again the next time', async () => {
    let loads = 0;
    const load = () => {
      loads += 1;
      return Promise.reject(new Error('Cannot find module'));
    };
    const secrets = new KeyringSecrets({ service: 's', lockFolder: folder.path, load });
    await expect(secrets.get('KEY')).rejects.toMatchObject({
      code: 'secrets_unavailable',
      message: expect.stringContaining('@napi-rs/keyring is not installed'),
    });
    await expect(secrets.get('KEY')).rejects.toMatchObject({ code: 'secrets_unavailable' });
    expect(loads).toBe(2);
  });

  it('gives up on a keyring that waits for a password nobody types', async () => {
    const stuck = class {
      getPassword = () => new Promise<string>(() => undefined);
    };
    const load = async () => ({ AsyncEntry: stuck }) as unknown as KeyringModule;
    const secrets = new KeyringSecrets({ service: 's', lockFolder: folder.path, load, timeoutMs: 20 });
    await expect(secrets.get('KEY')).rejects.toThrow('it may be locked');
  });
});
