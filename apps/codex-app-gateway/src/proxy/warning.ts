import { CLOSE_CODES } from '@codex-gateways/service';
import { type FrameSocket, READY_STATES } from '@codex-gateways/websocket';
import type { Closing } from './close-forwarding.ts';

/** Tells a client something in words, as app-servers do it and the CLI shows it (docs/protocol.md, "App-server, --remote, full chain"). */
export function warn(client: FrameSocket, message: string): void {
  if (client.readyState !== READY_STATES.open) return;
  client.send(JSON.stringify({ method: 'warning', params: { threadId: null, message } }));
}

/** Tells a client that its access has ended, before the close that says so too: the CLI hides the reasons of closes. */
export function warnOfEndedAccess(client: FrameSocket, { code, reason }: Closing): void {
  if (code === CLOSE_CODES.unauthorized.code) warn(client, `${reason}: this session is over`);
}
