import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Cleanup } from '../processes/use-cleanup.ts';

/**
 * Stands in front of replicas, as a balancer that has not noticed yet that one is gone: each new connection goes to the next of them, and
 * on to the one after it when it is not taken.
 * @param backends - gives the `http://host:port` of those that are in use at the moment
 * @returns its own `http://host:port`
 */
export async function startRoundRobin(cleanup: Cleanup, backends: () => readonly string[]): Promise<string> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  };
  let next = 0;
  const join = (socket: Socket, attempt: number) => {
    const inUse = backends();
    const backend = inUse[next % Math.max(inUse.length, 1)];
    next += 1;
    if (!backend || attempt === inUse.length) return socket.destroy();
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
