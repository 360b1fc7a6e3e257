import { createServer } from 'node:http';
import { Pool } from 'undici';
import { WebSocket, WebSocketServer } from 'ws';

// The simplest proxy that one would write with `ws` and bufferutil. No guard, no limits, no backpressure, no liveness, no logs.
// With the address of a verifier it asks that about each bearer.
const [, , port, upstreamUrl, verifierUrl] = process.argv;
const server = createServer();
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
const verifier = verifierUrl ? new Pool(verifierUrl, { connections: 32 }) : undefined;

server.on('upgrade', async (req, socket, head) => {
  socket.on('error', () => undefined);
  if (verifier && !(await isKnown(req.headers.authorization))) {
    socket.destroy();
    return;
  }
  const upstream = new WebSocket(upstreamUrl, { perMessageDeflate: false });
  upstream.on('error', () => undefined);
  upstream.once('open', () => {
    upstream.pause();
    sockets.handleUpgrade(req, socket, head, (client) => join(client, upstream));
  });
});

async function isKnown(authorization = '') {
  const { statusCode, body } = await verifier.request({
    method: 'POST',
    path: '/api/internal/codex/tokens/verify',
    headers: { 'content-type': 'application/json', 'x-internal-secret': 'naive' },
    body: JSON.stringify({ token: authorization.slice('Bearer '.length) }),
  });
  const { workspace_id: workspaceId } = await body.json();
  return statusCode === 200 && workspaceId !== undefined;
}

function join(client, upstream) {
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ]) {
    from.on('error', () => undefined);
    from.on('message', (data, isBinary) => to.send(data, { binary: isBinary }));
    from.on('close', () => to.close());
  }
  upstream.resume();
}

server.listen(Number(port), '127.0.0.1');
