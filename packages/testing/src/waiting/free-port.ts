import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that systems give to whoever asks for any: those of Linux begin at 32768, of macOS and Windows at 49152. */
const FIRST_PORT = 10_240;
const LAST_PORT = 32_767;

/**
 * A TCP port of 127.0.0.1 that nobody listens on and nobody else gets from here, in this process or another one, as long as this process
 * runs: so a server can listen on it, be killed, and listen on it again. Listen on port 0 and read the address wherever the program
 * under test can.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if ((await reserve(port)) && (await canListenOn(port))) return port;
  }
}

/** The UDP port of the same number says that the TCP port is taken: no server under test wants it, and it is free again when this process ends. */
async function reserve(port: number): Promise<boolean> {
  const reservation = createSocket('udp4');
  reservation.bind({ port, address: '127.0.0.1', exclusive: true });
  const isReserved = await listening(reservation);
  if (isReserved) reservation.unref();
  else reservation.close();
  return isReserved;
}

async function canListenOn(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  if (!(await listening(server))) return false;
  server.close();
  await once(server, 'close');
  return true;
}

const listening = (socket: NodeJS.EventEmitter): Promise<boolean> =>
  once(socket, 'listening').then(
    () => true,
    () => false,
  );
