import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

// The floor: the simplest relay that one would write with `ws` and bufferutil. No limits, no backpressure, no checks.
const executors = new Map();
const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });

sockets.on('connection', (ws, req) => {
  const [, role, exeId] = req.url.split('/');
  if (role === 'executor') {
    const streams = new Map();
    executors.set(exeId, { ws, streams });
    ws.on('message', (data) => streams.get(streamIdOf(data))?.send(data, { binary: true }));
    ws.on('close', () => executors.delete(exeId));
  } else {
    const executor = executors.get(exeId);
    ws.on('message', (data) => {
      executor.streams.set(streamIdOf(data), ws);
      executor.ws.send(data, { binary: true });
    });
  }
});

/** After the version, field 2 comes first: its length, and then the id. */
function streamIdOf(data) {
  return data.toString('latin1', 4, 4 + data[3]);
}

server.listen(Number(process.argv[2]), '127.0.0.1', () => process.stdout.write('ready\n'));
