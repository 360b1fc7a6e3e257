import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describeWith, HELM, programOf, TOOL_TIMEOUT_MS } from '../tools/go-tool.ts';
import { render } from './helm.ts';
import { environmentOf, podOf } from './pods.ts';
import { AGENTSERVER, MINIMAL } from './values-matrix.ts';

describeWith(HELM)('helm test', () => {
  const statusOf = new Map<string, number>();
  const server: Server = createServer((req, res) => {
    res.statusCode = statusOf.get(req.url ?? '') ?? 200;
    res.end('{"status":"as asked"}');
  });
  beforeAll(async () => {
    await programOf(HELM);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }, TOOL_TIMEOUT_MS);
  afterAll(() => server.close());
  beforeEach(() => statusOf.clear());

  /** Runs what the pod runs, on other pages. */
  async function run(pages: string): Promise<{ code: number; output: string }> {
    const { command = [], args = [] } = podOf(await render(MINIMAL), 'test').spec.containers[0] ?? {};
    const [, ...options] = [...command, ...args];
    const child = spawn(process.execPath, options, { env: { PAGES: pages }, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (text) => {
      output += text;
    });
    const [code] = (await once(child, 'close')) as [number];
    return { code, output };
  }
  const page = (name: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/${name}`;

  it('asks every service that is installed', async () => {
    const pages = async (values: object) => environmentOf(await render(values as typeof MINIMAL), 'test').PAGES?.value;
    expect((await pages(MINIMAL))?.trim().split(' ')).toEqual([
      'http://codex-codex-gateways-codex-app-gateway:8082/readyz',
      'http://codex-codex-gateways-codex-auth:8081/readyz',
      'http://codex-codex-gateways-codex-exec-gateway:8083/readyz',
    ]);
    expect(await pages(AGENTSERVER)).not.toContain('codex-auth:');
  });

  it('passes when all are ready, and says what they answered', async () => {
    const { code, output } = await run(`${page('a')} ${page('b')}`);
    expect(code).toBe(0);
    expect(output).toContain(`${page('a')} 200 {"status":"as asked"}`);
  });

  it('fails when one is not ready', async () => {
    statusOf.set('/b', 503);
    const { code, output } = await run(`${page('a')} ${page('b')}`);
    expect(code).toBe(1);
    expect(output).toContain(`${page('b')} 503`);
  });

  it('fails when one does not answer', async () => {
    const { code, output } = await run(`${page('a')} http://127.0.0.1:1/readyz`);
    expect(code).toBe(1);
    expect(output).toMatch(/127\.0\.0\.1:1\/readyz/);
  });
});
