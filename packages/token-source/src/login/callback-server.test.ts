import { once } from 'node:events';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { useCleanup } from '@codex-gateways/testing';
import { CallbackServer } from './callback-server.ts';

const STATE = 'the-right-state';

describe('the loopback end of a browser login', () => {
  const cleanup = useCleanup();

  async function start() {
    const server = await CallbackServer.start({ port: 0, path: '/callback', state: STATE });
    cleanup.after(() => server.close());
    const port = Number(new URL(server.redirectUri).port);
    /** A request as an attacker writes it: any method, target and Host. */
    const ask = (target: string, { method = 'GET', host = `127.0.0.1:${port}` } = {}) =>
      new Promise<{ status: number; text: string; headers: NodeJS.Dict<string | string[]> }>((resolve, reject) => {
        const outgoing = request({ host: '127.0.0.1', port, path: target, method, headers: { host } }, (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          answer.on('end', () => resolve({ status: Number(answer.statusCode), text, headers: answer.headers }));
        });
        outgoing.on('error', reject).end();
      });
    let came = 0;
    server.callback.then(() => {
      came += 1;
    });
    return { server, port, ask, came: () => came };
  }

  it('takes the answer with the right state and shows how it ended', async () => {
    const { server, ask } = await start();
    const page = ask(`/callback?code=c&state=${STATE}&iss=i`);
    const callback = await server.callback;
    expect(callback.url.href).toBe(`${server.redirectUri}?code=c&state=${STATE}&iss=i`);
    callback.answer('signed_in');
    expect(await page).toMatchObject({ status: 200, text: expect.stringContaining('You can close this window') });
  });

  it.each([
    ['another state', '/callback?code=c&state=wrong', 400],
    ['a state that begins like the right one', `/callback?code=c&state=${STATE.slice(0, -1)}`, 400],
    ['no state', '/callback?code=c', 400],
    ['two states', `/callback?code=c&state=${STATE}&state=${STATE}`, 400],
    ['another path', `/other?code=c&state=${STATE}`, 404],
    ['a path that only begins like the right one', `/callback/x?code=c&state=${STATE}`, 404],
    ['a target that is no URL', '//[?state=x', 404],
  ])('refuses an answer with %s, and goes on waiting', async (_, target, status) => {
    const { server, ask, came } = await start();
    expect(await ask(target)).toMatchObject({ status });
    expect(came()).toBe(0);
    const page = ask(`/callback?code=c&state=${STATE}`);
    (await server.callback).answer('signed_in');
    expect(await page).toMatchObject({ status: 200 });
  });

  it.each(['POST', 'HEAD', 'PUT', 'OPTIONS'])('refuses %s', async (method) => {
    const { ask, came } = await start();
    expect(await ask(`/callback?code=c&state=${STATE}`, { method })).toMatchObject({ status: 405 });
    expect(came()).toBe(0);
  });

  it.each(['attacker.example', 'attacker.example:80', '127.0.0.1', '127.0.0.1:1', 'localhost.attacker.example'])(
    'refuses a request under the name %s (DNS rebinding)',
    async (host) => {
      const { ask, came } = await start();
      expect(await ask(`/callback?code=c&state=${STATE}`, { host })).toMatchObject({ status: 403 });
      expect(came()).toBe(0);
    },
  );

  it('takes one answer only, also while the first is still being looked at', async () => {
    const { server, ask, came } = await start();
    const first = ask(`/callback?code=mine&state=${STATE}`);
    const callback = await server.callback;
    expect(await ask(`/callback?code=another&state=${STATE}`)).toMatchObject({ status: 410 });
    callback.answer('failed');
    expect(await first).toMatchObject({ status: 400 });
    expect(await ask(`/callback?code=another&state=${STATE}`)).toMatchObject({ status: 410 });
    expect(came()).toBe(1);
    expect(callback.url.searchParams.get('code')).toBe('mine');
  });

  it('repeats nothing of the request, and lets a page load nothing', async () => {
    const { ask } = await start();
    const { text, headers } = await ask('/callback?state=%3Cscript%3Ealert(1)%3C/script%3E&error=evil');
    expect(text).not.toMatch(/script|evil/);
    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'none'",
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    });
  });

  it('is gone when it is closed', async () => {
    const { server, ask } = await start();
    await server.close();
    await expect(ask('/callback')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('says that its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    cleanup.after(() => other.close());
    const { port } = other.address() as { port: number };
    await expect(CallbackServer.start({ port, path: '/', state: STATE })).rejects.toMatchObject({
      code: 'callback_port_taken',
      message: `port ${port} is used by another program: close it, or choose another callback port`,
    });
  });
});
