import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { useCleanup } from '@codex-gateways/testing';
import { Machine } from './program.ts';

interface Check {
  readonly name: string;
  readonly status: string;
  readonly message: string;
}

describe('doctor, before servers that are not quite right', () => {
  const cleanup = useCleanup();

  async function serve(listener: RequestListener, prepare: (server: Server) => void = () => undefined) {
    const server = createServer(listener).listen(0, '127.0.0.1');
    prepare(server);
    await new Promise((resolve) => server.once('listening', resolve));
    cleanup.after(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Passes for a codex-auth as far as its metadata go; its clock is off by some seconds. */
  async function serveAuth(clockOffSeconds = 0): Promise<string> {
    const url = await serve((request, response) => {
      response.setHeader('Date', new Date(Date.now() + clockOffSeconds * 1000).toUTCString());
      response.end(JSON.stringify({ issuer: `http://${request.headers.host}`, token_endpoint: 'x' }));
    });
    return url;
  }

  async function look(args: string[], env: Record<string, string> = {}): Promise<Record<string, Check>> {
    const { stdout } = await new Machine(cleanup).run(['doctor', '--json', ...args], env);
    const { checks } = JSON.parse(stdout) as { checks: Check[] };
    return Object.fromEntries(checks.map((check) => [check.name, check]));
  }

  it.each([
    [0, 'ok', 'agree on the time'],
    [-100, 'warning', 's ahead of'],
    [100, 'warning', 's behind'],
    [4000, 'failure', 's behind'],
    [-4000, 'failure', 's ahead of'],
  ])('compares the clocks: the server’s is %i s off', async (offSeconds, status, words) => {
    const { clock } = await look(['--server', await serveAuth(offSeconds)]);
    expect(clock).toMatchObject({ status, message: expect.stringContaining(words) });
  });

  it('asks through the proxy of the environment, but this machine itself directly', async () => {
    const targets: string[] = [];
    const exec = await serve((_, response) => response.end('{}'));
    const proxy = await serve(
      (_, response) => response.writeHead(400).end(),
      (server) =>
        server.on('connect', (request, socket, head) => {
          targets.push(String(request.url));
          const upstream = connect(Number(new URL(exec).port), '127.0.0.1', () => {
            socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
            upstream.write(head);
            socket.pipe(upstream).pipe(socket);
          });
          socket.on('error', () => upstream.destroy());
          upstream.on('error', () => socket.destroy());
        }),
    );
    const args = ['--server', await serveAuth(), '--exec-gateway', 'http://exec.example'];
    const checks = await look(args, { HTTP_PROXY: proxy });
    expect(checks['codex-auth']).toMatchObject({ status: 'ok' });
    expect(checks['codex-exec-gateway ready']).toMatchObject({ status: 'ok' });
    expect(targets).toEqual(['exec.example:80']);
  });

  it('names the missing Codex CLI as a warning', async () => {
    const { codex } = await look(['--server', await serveAuth(), '--codex', '/nonexistent/codex']);
    expect(codex).toMatchObject({ status: 'warning', message: expect.stringContaining('ENOENT') });
  });

  it('does not believe a server that redirects', async () => {
    const url = await serve((_, response) => response.writeHead(302, { Location: 'https://elsewhere.example' }).end());
    const checks = await look(['--server', url]);
    expect(checks['codex-auth']).toMatchObject({
      status: 'failure',
      message: expect.stringContaining('no codex-auth'),
    });
  });
});
