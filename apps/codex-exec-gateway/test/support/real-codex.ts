import {
  type AppServerClient,
  type Cleanup,
  codexModelConfig,
  connectAppServer,
  createCodexHome,
  createSignedInHome,
  lastToolOutput,
  type RunningProcess,
  runCommand,
  say,
  startAppServer,
  startCodex,
  startModelServer,
} from '@codex-gateways/testing';
import type { TestGateway } from './gateway.ts';

/**
 * A real `codex exec-server` that registers at the gateway with a bearer from standard input, so that no login and no other
 * service is needed.
 * @param env - variables that only the executor's environment has
 */
export async function startRealExecutor(
  cleanup: Cleanup,
  gateway: TestGateway,
  { exeId, env = {}, bearer = 'owner-token' }: { exeId: string; env?: Record<string, string>; bearer?: string },
): Promise<RunningProcess> {
  const home = await createCodexHome();
  cleanup.after(() => home.remove());
  const executor = await startCodex({
    args: ['exec-server', '--remote', gateway.url, '--environment-id', exeId, '--registration-bearer-stdin'],
    home,
    env,
    input: `${bearer}\n`,
  });
  cleanup.after(() => executor.stop());
  return executor;
}

/** As {@link startRealExecutor}, of a person who has signed in: then the CLI prints what the gateway says to them. */
export async function startSignedInExecutor(
  cleanup: Cleanup,
  gateway: Pick<TestGateway, 'url'>,
  {
    exeId,
    accessToken,
    accountId,
    version,
    env = {},
  }: { exeId: string; accessToken: string; accountId: string; version?: string; env?: Record<string, string> },
): Promise<RunningProcess> {
  const home = await createSignedInHome({ accessToken, accountId });
  cleanup.after(() => home.remove());
  const executor = await startCodex({
    // What 0.133 and later call an environment was an executor before.
    args: ['exec-server', '--remote', gateway.url, version === '0.132.0' ? '--executor-id' : '--environment-id', exeId],
    home,
    // A 401 makes the CLI refresh once; here nobody answers it.
    env: { CODEX_REFRESH_TOKEN_URL_OVERRIDE: 'http://127.0.0.1:9/oauth/token', ...env },
    ...(version ? { version } : {}),
  });
  cleanup.after(() => executor.stop());
  return executor;
}

/** The variables that give a Noise app-server its executor. */
export function noiseHarness(gateway: TestGateway, exeId: string, token: string): Record<string, string> {
  return {
    CODEX_EXEC_SERVER_NOISE_REGISTRY_URL: gateway.url,
    CODEX_EXEC_SERVER_NOISE_ENVIRONMENT_ID: exeId,
    CODEX_EXEC_SERVER_NOISE_AUTH_TOKEN: token,
  };
}

/**
 * A real app-server whose commands go through the gateway, and a model that asks it to print a variable that only the
 * executor has.
 * @param via - the variables that say how it reaches its executor
 */
export async function startRealHarness(
  cleanup: Cleanup,
  { via, version }: { via: Record<string, string>; version?: string },
): Promise<{ client: AppServerClient; process: RunningProcess }> {
  const model = await startModelServer({
    script: (request) => {
      const output = lastToolOutput(request);
      return output === undefined ? runCommand('echo "marker=$EXECUTOR_MARKER"') : say(`it wrote ${output}`);
    },
  });
  cleanup.after(() => model.close());
  const { toml, env } = codexModelConfig(model.url);
  const home = await createCodexHome({ config: toml });
  cleanup.after(() => home.remove());
  const appServer = await startAppServer({
    home,
    env: { ...env, ...via },
    ...(version ? { version } : {}),
  });
  cleanup.after(() => appServer.process.stop());
  const client = await connectAppServer({ url: appServer.url });
  cleanup.after(() => client.close());
  return { client, process: appServer.process };
}
