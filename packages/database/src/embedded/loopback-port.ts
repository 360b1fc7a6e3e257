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
