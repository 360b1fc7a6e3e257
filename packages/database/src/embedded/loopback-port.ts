import { createServer } from 'node:net';
import { PortTakenError } from './embedded-postgres-error.ts';

/**
 * Makes sure that a loopback port can be listened on.
 * @param port - 0 lets the operating system choose one
 * @returns the port, free at the time of the answer
 * @throws {PortTakenError} another program listens there
 */
export function requireFreePort(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new PortTakenError(port) : error);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port));
    });
  });
}

/** How often another program may be quicker, before that is the reason. */
const MOST_TRIES = 5;

/**
 * Starts something on a loopback port. Where the operating system chooses the port, another program may take it before the start does: then
 * another one is chosen.
 * @param port - 0 lets the operating system choose one
 * @param start - rejects with PortTakenError when it cannot listen
 * @throws {PortTakenError} another program listens on `port`, or was quicker each time
 */
export async function onFreePort<T>(port: number, start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await requireFreePort(port));
    } catch (error) {
      if (port !== 0 || !(error instanceof PortTakenError) || attempt === MOST_TRIES) throw error;
    }
  }
}
