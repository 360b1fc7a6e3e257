import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';
import { eventually, useEmbeddedServer } from '../test/embedded-server.ts';
import { createListener, type Listener } from './listener.ts';
import { silentLog } from './log.ts';
import { createPool } from './pool.ts';
import type { Pool } from './queryable.ts';

describe('listener', () => {
  const { createDatabase } = useEmbeddedServer();
  let databaseUrl: string;
  let pool: Pool;
  let listener: Listener | undefined;
  const proxies: FreezableProxy[] = [];

  beforeEach(async () => {
    databaseUrl = await createDatabase();
    pool = createPool({ databaseUrl, applicationName: 'notifier' });
  });
  afterEach(async () => {
    await listener?.close();
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
    await pool.end();
  });

  const startProxy = async (targetPort: number) => {
    const proxy = await startFreezableProxy(targetPort);
    proxies.push(proxy);
    return proxy;
  };
  const notify = (channel: string, payload: string) => pool.query('select pg_notify($1, $2)', [channel, payload]);
  const killBackend = () =>
    pool.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'listener'");

  it('hears what is sent after it has subscribed, each channel to its own handlers', async () => {
    const heard: string[] = [];
    listener = createListener({ databaseUrl, log: silentLog });
    await listener.listen('turns', (payload) => heard.push(`turns ${payload}`));
    await listener.listen('Mixed case', (payload) => heard.push(`mixed ${payload}`));
    await listener.listen('turns', (payload) => heard.push(`again ${payload}`));
    expect(listener.connected).toBe(true);
    await notify('turns', 'one');
    await notify('Mixed case', 'two');
    await eventually(() => heard.length === 3, 'three deliveries');
    expect(heard).toEqual(['turns one', 'again one', 'mixed two']);
  });

  it('comes back subscribed after its backend was terminated, and tells everybody to read again', async () => {
    const heard: string[] = [];
    const reread: string[] = [];
    listener = createListener({ databaseUrl, log: silentLog, onReconnect: () => reread.push('all') });
    await listener.listen(
      'a',
      (payload) => heard.push(payload),
      () => reread.push('a'),
    );
    await listener.listen(
      'b',
      (payload) => heard.push(payload),
      () => reread.push('b'),
    );
    await killBackend();
    await eventually(() => reread.length >= 3, 'reconnected');
    expect(reread.slice(0, 3)).toEqual(['all', 'a', 'b']);
    await notify('a', 'after a');
    await notify('b', 'after b');
    await eventually(() => heard.length === 2, 'both channels heard');
    expect(heard).toEqual(['after a', 'after b']);
  });

  it('keeps the other handlers informed when one throws', async () => {
    const heard: string[] = [];
    listener = createListener({ databaseUrl, log: silentLog });
    await listener.listen('a', () => {
      throw new Error('broken handler');
    });
    await listener.listen('a', (payload) => heard.push(payload));
    await notify('a', 'still');
    await eventually(() => heard.length === 1, 'the second handler');
  });

  it('notices a half-open connection by its silence', async () => {
    const proxy = await startProxy(Number(new URL(databaseUrl).port));
    const throughProxy = new URL(databaseUrl);
    throughProxy.port = String(proxy.port);
    let reconnects = 0;
    listener = createListener({
      databaseUrl: throughProxy.href,
      log: silentLog,
      onReconnect: () => {
        reconnects += 1;
      },
      heartbeatMs: 50,
      heartbeatTimeoutMs: 1_000,
    });
    await listener.listen('a', () => undefined);
    proxy.freeze();
    await eventually(() => listener?.connected === false, 'the silence is noticed');
    const before = reconnects; // on a starved machine a proof may have come too late before
    proxy.thaw();
    await eventually(() => reconnects > before, 'reconnected');
  });

  it('waits for a server that is not there yet', async () => {
    const proxy = await startProxy(1);
    const throughProxy = new URL(databaseUrl);
    throughProxy.port = String(proxy.port);
    listener = createListener({ databaseUrl: throughProxy.href, log: silentLog });
    const subscribed = listener.listen('a', () => undefined);
    proxy.forwardTo(Number(new URL(databaseUrl).port));
    await subscribed;
    expect(listener.connected).toBe(true);
  });

  it('ends for good when closed, waiting subscribers included', async () => {
    listener = createListener({ databaseUrl: 'postgresql://x:x@127.0.0.1:1/x', log: silentLog });
    const waiting = listener.listen('a', () => undefined);
    const outcome = expect(waiting).rejects.toThrow('the listener is closed');
    await listener.close();
    await outcome;
    await expect(listener.listen('b', () => undefined)).rejects.toThrow('the listener is closed');
    expect(listener.connected).toBe(false);
  });
});

type FreezableProxy = Awaited<ReturnType<typeof startFreezableProxy>>;

/** A TCP proxy that can stop forwarding without closing anything, as a lost network does. */
async function startFreezableProxy(target: number) {
  let frozen = false;
  let targetPort = target;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = dial(targetPort, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (data) => frozen || to.write(data));
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    freeze: () => {
      frozen = true;
    },
    thaw: () => {
      frozen = false;
    },
    forwardTo: (port: number) => {
      targetPort = port;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
