import { type CodexHome, createCodexHome } from '../codex/codex-home.ts';
import { runCodex } from '../codex/run-codex.ts';
import { useCleanup } from '../processes/use-cleanup.ts';
import { lastToolOutput, lastUserText } from './model-request.ts';
import { type ModelScript, refuse, runCommand, say } from './model-script.ts';
import { codexModelConfig, type ModelServer, startModelServer } from './model-server.ts';

const execArgs = ['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox'];

describe.each([{ version: undefined }, { version: '0.140.0' }])(
  'the model server and codex exec $version',
  ({ version }) => {
    const cleanup = useCleanup();

    const given = async (
      script: ModelScript,
    ): Promise<{ server: ModelServer; home: CodexHome; env: Record<string, string> }> => {
      const server = await startModelServer({ script });
      cleanup.after(() => server.close());
      const { toml, env } = codexModelConfig(server.url);
      const home = await createCodexHome({ config: toml });
      cleanup.after(() => home.remove());
      return { server, home, env };
    };

    it('runs a command and gives its output back to the script', async () => {
      const script = [
        runCommand('echo "marker is $MARKER"'),
        (request) => say(`the command wrote: ${lastToolOutput(request)}`),
      ] satisfies ModelScript;
      const { server, home, env } = await given(script);
      const args = [...execArgs, 'look at the marker'];
      const { code, stdout } = await runCodex({ version, args, home, env: { ...env, MARKER: 'red-17' } });
      expect(stdout).toMatch(/the command wrote: .*marker is red-17/s);
      expect(code).toBe(0);
      expect(server.requests.map(({ body }) => lastUserText(body))).toEqual(Array(2).fill('look at the marker'));
      expect(server.requests[0]?.headers.authorization).toBe('Bearer not-checked');
    }, 300_000);

    it('ends the run with the reason when the script refuses', async () => {
      const { home, env } = await given(() => refuse(400, 'not today'));
      const { code, stderr } = await runCodex({ version, args: [...execArgs, 'hello'], home, env });
      expect(stderr).toContain('not today');
      expect(code).toBe(1);
    });

    it('says so when the CLI asks more often than the script has turns', async () => {
      const { home, env } = await given([runCommand('true')]);
      const { code, stderr } = await runCodex({ version, args: [...execArgs, 'hello'], home, env });
      expect(stderr).toContain('request 2 came after the end of the script');
      expect(code).toBe(1);
    });
  },
);
