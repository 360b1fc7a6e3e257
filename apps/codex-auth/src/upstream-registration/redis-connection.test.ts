import { createServer, type Socket } from 'node:net';
import { createLogger } from '@codex-gateways/service';
import { describeWith, freePort, useCleanup } from '@codex-gateways/testing';
import { type RedisServer, type RedisServerOptions, startRedis } from '../../test/redis-server.ts';
import { RedisConnection, type RedisConnectionOptions, RedisUnavailableError } from './redis-connection.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const cleanup = useCleanup();
const PASSWORD = 'hunter2-of-redis';

async function start(options: RedisServerOptions): Promise<RedisServer> {
  const server = await startRedis(options);
  cleanup.after(() => server.close());
  return server;
}

function connect(url: string, options: Partial<RedisConnectionOptions> = {}): RedisConnection {
  const connection = new RedisConnection({ url, timeoutMs: 30_000, log, ...options });
  cleanup.after(() => connection.close());
  return connection;
}

const echo = (connection: RedisConnection) =>
  connection.run(async (client) => {
    await client.hSet('codex-auth:dcr:test', 'field', 'value');
    return client.hGet('codex-auth:dcr:test', 'field');
  });

/** What the README says that the user may do, and nothing else. */
const ACL = [
  'user default off',
  `user codex on >${PASSWORD} ~codex-auth:dcr:* +@connection +hget +hset +hgetall +eval`,
];

describeWith('redis-server')('a Redis with users', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await start({ config: ACL });
  });

  it('lets in the user of the configuration, who needs few commands', async () => {
    const connection = connect(server.url, { username: 'codex', password: PASSWORD });
    expect(await echo(connection)).toBe('value');
    const keys = ['codex-auth:dcr:test'];
    const script = "return redis.call('hget', KEYS[1], 'field')";
    expect(await connection.run((client) => client.eval(script, { keys }))).toBe('value');
    await expect(connection.run((client) => client.get('another'))).rejects.toThrow(/permission|NOPERM/i);
  });

  it.each([
    ['a wrong password', { username: 'codex', password: 'wrong-hunter2' }],
    ['another user', { username: 'nobody', password: PASSWORD }],
    ['none', {}],
  ])('refuses %s, in an error that has no credential', async (_, credentials) => {
    const failure = echo(connect(server.url, credentials));
    await expect(failure).rejects.toThrow(RedisUnavailableError);
    await expect(failure).rejects.not.toThrow(/hunter2/);
  });
});

describeWith('redis-server', 'openssl')('a Redis with TLS', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await start({ tlsName: 'localhost', config: ACL });
  });
  const credentials = { username: 'codex', password: PASSWORD };

  it('is used under the authority of the configuration', async () => {
    const { url, certificateAuthority } = server;
    expect(url).toMatch(/^rediss:\/\/localhost:/);
    expect(await echo(connect(url, { ...credentials, certificateAuthority }))).toBe('value');
  });

  it('is not trusted without it, nor under another name', async () => {
    await expect(echo(connect(server.url, credentials))).rejects.toThrow(/certificate/);
    const { certificateAuthority } = server;
    const byAddress = server.url.replace('localhost', '127.0.0.1');
    await expect(echo(connect(byAddress, { ...credentials, certificateAuthority }))).rejects.toThrow(/altnames|IP/);
  });

  it('is not asked in the clear', async () => {
    await expect(echo(connect(server.url.replace('rediss:', 'redis:'), credentials))).rejects.toThrow(
      RedisUnavailableError,
    );
  });
});

describeWith('redis-server')('a Redis that was away', () => {
  it('is used again when it is back', async () => {
    const first = await startRedis();
    const connection = connect(first.url);
    expect(await echo(connection)).toBe('value');
    await first.close();
    await expect(echo(connection)).rejects.toThrow(RedisUnavailableError);
    const second = await start({ port: Number(new URL(first.url).port) });
    expect(second.url).toBe(first.url);
    expect(await echo(connection)).toBe('value');
  });
});

describe('a server that is no Redis', () => {
  it('is given up when it accepts and says nothing', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    cleanup.after(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    const { port } = silent.address() as { port: number };
    await expect(echo(connect(`redis://127.0.0.1:${port}`, { timeoutMs: 300 }))).rejects.toThrow(
      `Redis at 127.0.0.1:${port}: `,
    );
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false]); // it was not the server that ended it
  });

  it('is named when nobody listens', async () => {
    const port = await freePort();
    await expect(echo(connect(`redis://127.0.0.1:${port}`))).rejects.toThrow(`Redis at 127.0.0.1:${port}: `);
  });
});
