import type { Logger } from '@codex-gateways/service';
import { request } from 'undici';
import { type AppServer, type AppServerSource, REMOTE_ENVIRONMENT_ID } from './app-server.ts';
import { httpBaseOf } from './child-environment.ts';

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
  const lease = { appServer, turnStarted: ignore, turnEnded: ignore, onStopping: ignore, release: ignore };
  log.warn({ url }, 'one existing app-server serves every workspace');
  return {
    acquire: async () => lease,
    async checkReady() {
      const { origin } = new URL(httpBaseOf(url));
      const answer = await request(`${origin}/readyz`, { signal: AbortSignal.timeout(READY_TIMEOUT_MS) });
      await answer.body.dump();
      if (answer.statusCode !== 200) throw new Error(`the app-server answered ${answer.statusCode}`);
    },
    close: async () => undefined,
  };
}
