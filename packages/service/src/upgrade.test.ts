import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { HttpError } from './http-error.ts';
import { refuseUpgrade } from './upgrade.ts';

/** Long enough for both ends of a connection to read, on a machine that does much else. */
const GRACE_MS = 1000;

describe('a refused upgrade', () => {
  let server: Server;
  let refused: Promise<Duplex>;

  beforeEach(async () => {
    server = createServer();
    refused = new Promise((resolve) => {
      server.once('upgrade', (_req, socket) => {
        refuseUpgrade(socket, new HttpError(401, 'unauthorized', 'no'), GRACE_MS);
        resolve(socket);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  function open(more = ''): Socket {
    const { port } = server.address() as AddressInfo;
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    client.on('error', () => undefined);
    client.write(`GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${more}`);
    return client;
  }

  it.each([
    ['a client that says nothing more', ''],
    ['a client that has sent more already', 'x'.repeat(256 * 1024)],
  ])('does not keep the connection of %s and never hangs up', async (_client, more) => {
    const client = open(more);
    const socket = await refused;
    let answer = '';
    client.on('data', (data) => {
      answer += data;
    });
    await new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => server.close(resolve));
    expect(answer).toContain('HTTP/1.1 401 Unauthorized');
    client.destroy();
  });

  it('does not wait for anything when the client hangs up', async () => {
    const client = open();
    client.resume().once('end', () => client.end());
    const socket = await refused;
    await new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => server.close(resolve));
    expect(client.destroyed || client.writableEnded).toBe(true);
  });
});
