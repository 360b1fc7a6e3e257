import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { freePort } from './free-port.ts';

describe('freePort', () => {
  it('gives a port that a server can listen on', async () => {
    const port = await freePort();
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    expect(server.address()).toMatchObject({ port });
    server.close();
    await once(server, 'close');
  });

  it('gives a port to nobody else as long as this process runs, and none that a system gives to whoever asks for any', async () => {
    const port = await freePort();
    const other = createSocket('udp4');
    other.bind({ port, address: '127.0.0.1', exclusive: true });
    await expect(once(other, 'listening')).rejects.toMatchObject({ code: 'EADDRINUSE' });
    other.close();
    expect(port).toBeLessThan(32_768);
  });
});
