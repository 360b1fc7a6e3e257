import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Cleanup } from '@codex-gateways/testing';

/** Stands in front of gateways: each new connection goes to the next one that takes it. @returns `http://host:port` */
export async function startRoundRobin(cleanup: Cleanup, backends: readonly string[]): Promise<string> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  };
  let next = 0;
  const join = (socket: Socket, attempt: number) => {
    const backend = backends[next % backends.length];
    next += 1;
    if (!backend || attempt === backends.length) return socket.destroy();
    const { hostname, port } = new URL(backend);
    const upstream = connect(Number(port), hostname);
    keep(upstream);
    const tryNext = () => join(socket, attempt + 1);
    upstream.once('error', tryNext);
    upstream.once('connect', () => {
      upstream.off('error', tryNext);
      socket.pipe(upstream).pipe(socket);
      upstream.once('close', () => socket.destroy());
      socket.once('close', () => upstream.destroy());
    });
  };
  const server = createServer((socket) => {
    keep(socket);
    join(socket, 0);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
