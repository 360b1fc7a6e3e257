import { CLOSE_CODES } from '@codex-gateways/service';
import { WebSocket } from 'ws';
import type { Closing } from './close-forwarding.ts';

/** Tells a client something in words, as app-servers do it and the CLI shows it (docs/protocol.md, "App-server, --remote, full chain"). */
export function warn(client: WebSocket, message: string): void {
  if (client.readyState !== WebSocket.OPEN) return;
  client.send(JSON.stringify({ method: 'warning', params: { threadId: null, message } }));
}

/** Tells a client that its access has ended, before the close that says so too: the CLI hides the reasons of closes. */
export function warnOfEndedAccess(client: WebSocket, { code, reason }: Closing): void {
  if (code === CLOSE_CODES.unauthorized.code) warn(client, `${reason}: this session is over`);
}
