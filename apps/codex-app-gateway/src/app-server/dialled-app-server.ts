import type { Logger } from '@codex-gateways/service';
import { type AppServer, type AppServerSource, REMOTE_ENVIRONMENT_ID } from './app-server.ts';
import { isReady } from './readiness.ts';

const READY_TIMEOUT_MS = 2000;

/**
 * An app-server that somebody else runs, the same for every workspace: its isolation is theirs to see to.
 * @param token - sent to it as bearer, if it wants one
 */
export function createDialledAppServer(
  { url, token }: { url: string; token: string | undefined },
  log: Logger,
): AppServerSource {
  const appServer: AppServer = {
    url,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    codexHome: undefined,
    environmentIds: [REMOTE_ENVIRONMENT_ID],
    modelProvider: undefined,
  };
  const ignore = () => undefined;
  const lease = {
    appServer,
    turnStarted: ignore,
    turnEnded: ignore,
    onStopping: ignore,
    onNotice: ignore,
    suspect: ignore,
    release: ignore,
  };
  log.warn({ url }, 'one existing app-server serves every workspace');
  return {
    acquireNow: () => lease,
    acquire: async () => lease,
    async checkReady() {
      if (!(await isReady(url, AbortSignal.timeout(READY_TIMEOUT_MS)))) throw new Error('the app-server is not ready');
    },
    close: async () => undefined,
  };
}
