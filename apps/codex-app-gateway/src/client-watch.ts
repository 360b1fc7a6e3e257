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
import { SessionLog } from './sessions/session-log.ts';
import { SessionReporter } from './sessions/session-reporter.ts';

const USER_AGENT_LENGTH = 256;

/** Keeps an eye on open connections: whether their tokens are still good, and who they are. */
export interface ClientWatch {
  /** A client is about to be let in. Nobody could say any more where it called from once it has its answer, and leaves. */
  expect(by: { req: IncomingMessage; token: string; caller: Caller }): Admit;
  /** Watches over something else that a remote token has begun, until it is closed. */
  keep: Reverification['keep'];
  /** Whether revocations are told at the moment they happen. */
  isToldOfRevocations(): boolean;
  start(): void;
  close(): Promise<void>;
}

/** It has been let in, and is about to be joined to its app-server. @returns watches over the connection that comes of it */
export type Admit = (client: FrameSocket) => WatchOver;

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
  return {
    expect({ req, token, caller }) {
      const origin = reporter && originOf(req, trustedProxyHops);
      return (client) => {
        const session = origin && sessions.open({ token, caller, ...origin });
        if (session) onceIntroduced(client, (info) => session.introduced(info));
        return (connection) => {
          reverification.keep(connection, { token, caller });
          void connection.closed.then(({ code }) => session?.closed(code));
        };
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
