import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { randomToken, sha256 } from '@codex-gateways/crypto';
import { abortAfter } from '@codex-gateways/runtime';
import { inSpan, recordedTraceparent } from '@codex-gateways/service';
import type { ModelConfig } from '../config.ts';
import { replaceFile } from '../files/replace-file.ts';
import { type AppServer, AppServerUnavailableError, REMOTE_ENVIRONMENT_ID } from './app-server.ts';
import type { AppServerAccount } from './app-server-account.ts';
import { childEnvironment, type Execution } from './child-environment.ts';
import { codexConfig } from './codex-config.ts';
import { isReady } from './readiness.ts';
import { SupervisedProcess } from './supervised-process.ts';
import type { WorkspaceFolder } from './workspace-folder.ts';

// Where threads begin whose client names no folder: it must be there on the executor too.
const WORK_FOLDER = '/';
const READY_POLL_MS = 25;
const LINES_IN_ERROR = 3;
const LISTENING = /listening on: (ws:\/\/127\.0\.0\.1:\d+)$/;
// The app-server then runs without the model provider that was configured for it.
const CONFIG_REFUSED = /Invalid configuration; using defaults/;

/** An app-server of our own. */
export interface LaunchedAppServer extends AppServer {
  readonly groupId: number;
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

export interface AppServerLaunch {
  readonly program: string;
  readonly folder: WorkspaceFolder;
  readonly model: ModelConfig;
  readonly execution: Execution;
  /** Proxies and trusted authorities for the app-server. */
  readonly network: Readonly<Record<string, string>>;
  /** `PATH` for the app-server. */
  readonly path: string;
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
  /** Who it runs as; absent: this service's own user. */
  readonly account?: AppServerAccount | undefined;
  /** In octal digits. */
  readonly umask?: string;
  /** Aborts the start. */
  readonly signal: AbortSignal;
  /** Called as soon as there is a process, before it is ready. */
  readonly onProcess: (groupId: number) => Promise<void>;
}

/**
 * Starts an app-server on a loopback port that it chooses itself, behind a token made for it alone, and waits until it is
 * ready.
 * @throws {AppServerUnavailableError} with what the process wrote last, when it is not ready in time; it is stopped then
 */
export function launchAppServer(launch: AppServerLaunch): Promise<LaunchedAppServer> {
  return inSpan('start app-server', {}, () => launchInTrace(launch));
}

async function launchInTrace(launch: AppServerLaunch): Promise<LaunchedAppServer> {
  const { folder, startTimeoutMs } = launch;
  await replaceFile(join(folder.codexHome, 'config.toml'), codexConfig(launch.model), { owner: launch.account });
  // It would win over `CODEX_EXEC_SERVER_URL=none`, and could bring this host back as a place to run commands.
  await rm(join(folder.codexHome, 'environments.toml'), { force: true });
  const token = randomToken();
  const child = new SupervisedProcess({
    program: launch.program,
    args: [
      'app-server',
      ...['--listen', 'ws://127.0.0.1:0'],
      ...['--ws-auth', 'capability-token', '--ws-token-sha256', sha256(token).toString('hex')],
    ],
    env: childEnvironment({ ...launch, traceparent: recordedTraceparent() }),
    workFolder: WORK_FOLDER,
    graceMs: launch.stopTimeoutMs,
    account: launch.account,
    ...(launch.umask === undefined ? {} : { umask: launch.umask }),
  });
  try {
    const groupId = child.groupId;
    if (groupId === undefined) throw new AppServerUnavailableError(`the app-server ${await child.ended}`);
    await launch.onProcess(groupId);
    const url = await becomeReady(child, { timeoutMs: startTimeoutMs, signal: launch.signal });
    return {
      url,
      headers: { authorization: `Bearer ${token}` },
      ended: child.ended.then((how) => `the app-server ${how}`),
      codexHome: folder.codexHome,
      environmentIds: launch.execution.kind !== 'none' ? [REMOTE_ENVIRONMENT_ID] : [],
      modelProvider: launch.model.provider,
      groupId,
      stop: () => child.stop(),
    };
  } catch (error) {
    await child.stop();
    throw error;
  }
}

async function becomeReady(
  child: SupervisedProcess,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<string> {
  const deadline = abortAfter(timeoutMs, signal);
  let forget = () => {};
  try {
    return await Promise.race([
      child.ended.then((how) => fail(child, how)),
      new Promise<never>((_, reject) => {
        const giveUp = () =>
          reject(startError(child, signal.aborted ? 'was stopped' : `was not ready after ${timeoutMs} ms`));
        if (deadline.aborted) giveUp();
        deadline.addEventListener('abort', giveUp, { once: true });
      }),
      new Promise<string>((resolve, reject) => {
        forget = child.onLine((line) => {
          if (CONFIG_REFUSED.test(line)) reject(startError(child, 'refused its configuration'));
          const url = LISTENING.exec(line)?.[1];
          if (url) resolve(whenReady(url, deadline));
        });
      }),
    ]);
  } finally {
    forget();
  }
}

async function whenReady(url: string, deadline: AbortSignal): Promise<string> {
  while (!deadline.aborted) {
    if (await isReady(url, deadline)) return url;
    await delay(READY_POLL_MS);
  }
  return new Promise<never>(() => undefined); // the deadline's own rejection tells it
}

function fail(child: SupervisedProcess, what: string): never {
  throw startError(child, what);
}

function startError(child: SupervisedProcess, what: string): AppServerUnavailableError {
  const said = child.lastLines.slice(-LINES_IN_ERROR).join(' | ');
  return new AppServerUnavailableError(`the app-server did not start: it ${what}${said ? `; it wrote: ${said}` : ''}`);
}
