import type { IncomingMessage } from 'node:http';
import type { Logger } from '@codex-gateways/service';
import type { FrameSocket } from '@codex-gateways/websocket';
import type { Authenticator, Caller } from './authentication/authenticator.ts';
import { RevocationStream } from './authentication/revocation-stream.ts';
import type { Config } from './config.ts';
import type { ClientConnection } from './proxy/connection-registry.ts';
import { Reverification } from './proxy/reverification.ts';
import { clientAddress } from './sessions/client-address.ts';
import { onceIntroduced, printable } from './sessions/client-info.ts';
import { type Session, SessionLog } from './sessions/session-log.ts';
import { SessionReporter } from './sessions/session-reporter.ts';

const USER_AGENT_LENGTH = 256;

/** Keeps an eye on open connections: whether their tokens are still good, and who they are. */
export interface ClientWatch {
  /** A client is about to be joined to its app-server. @returns watches over the connection that comes of it */
  admit(client: FrameSocket, by: { req: IncomingMessage; token: string; caller: Caller }): WatchOver;
  /** Watches over something else that a remote token has begun, until it is closed. */
  keep: Reverification['keep'];
  /** Whether revocations are told at the moment they happen. */
  isToldOfRevocations(): boolean;
  start(): void;
  close(): Promise<void>;
}

export type WatchOver = (connection: ClientConnection) => void;

export interface ClientWatchDeps {
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  readonly log: Logger;
}

/** With break-glass tokens there is nobody who could tell or be told anything. */
export function createClientWatch(
  { inbound, limits, trustedProxyHops }: Pick<Config, 'inbound' | 'limits' | 'trustedProxyHops'>,
  { authenticator, log }: ClientWatchDeps,
): ClientWatch {
  const reverification = new Reverification({ authenticator, intervalMs: limits.reverifyIntervalMs });
  const sessions = new SessionLog();
  const peer =
    inbound.kind === 'remote' ? { url: inbound.agentserverUrl, secret: inbound.agentserverSecret, log } : undefined;
  const stream =
    peer &&
    new RevocationStream({
      ...peer,
      onEnding: (ending) => reverification.accessEnded(ending),
      onMissed: () => reverification.askAll(),
    });
  const reporter =
    inbound.kind === 'remote' && peer
      ? new SessionReporter({ ...peer, sessions, intervalMs: inbound.sessionReportIntervalMs })
      : undefined;
  const open = (req: IncomingMessage, token: string, caller: Caller): Session | undefined =>
    reporter && sessions.open({ token, caller, ...originOf(req, trustedProxyHops) });
  return {
    admit(client, { req, token, caller }) {
      const session = open(req, token, caller);
      if (session) onceIntroduced(client, (info) => session.introduced(info));
      return (connection) => {
        reverification.keep(connection, { token, caller });
        void connection.closed.then(({ code }) => session?.closed(code));
      };
    },
    keep: (watched, by) => reverification.keep(watched, by),
    isToldOfRevocations: () => stream?.isConnected ?? false,
    start() {
      stream?.start();
      reporter?.start();
    },
    async close() {
      await Promise.all([stream?.close(), reporter?.close()]);
    },
  };
}

function originOf(req: IncomingMessage, trustedProxyHops: number) {
  const userAgent = req.headers['user-agent'];
  return {
    ip: clientAddress(req, trustedProxyHops),
    userAgent: userAgent === undefined ? undefined : printable(userAgent, USER_AGENT_LENGTH),
  };
}
