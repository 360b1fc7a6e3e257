import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram, freePort, startProcess, waitFor } from '@codex-gateways/testing';
import { createClient } from '@redis/client';

const run = promisify(execFile);

/** A real Redis in a temporary folder, which keeps nothing. */
export interface RedisServer {
  readonly url: string;
  /** With which a client knows it; undefined without TLS. */
  readonly certificateAuthority: string | undefined;
  close(): Promise<void>;
}

export interface RedisServerOptions {
  /** Lines of its configuration, such as users. */
  readonly config?: readonly string[];
  /** With a throw-away authority, for this host name. */
  readonly tlsName?: string;
  /** Default: a free one. */
  readonly port?: number;
}

export async function startRedis({
  config = [],
  tlsName,
  port: wanted,
}: RedisServerOptions = {}): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'codex-gateways-redis-'));
  const port = wanted ?? (await freePort());
  const authority = tlsName === undefined ? undefined : await makeCertificates(folder, tlsName);
  const listening = authority ? ['port 0', `tls-port ${port}`, ...tlsConfig(folder)] : [`port ${port}`];
  const file = join(folder, 'redis.conf');
  const common = ['bind 127.0.0.1', 'save ""', 'appendonly no', `dir ${folder}`, 'daemonize no'];
  await writeFile(file, [...common, ...listening, ...config, ''].join('\n'));
  const server = startProcess(findProgram('redis-server') ?? 'redis-server', [file], { env: {}, cwd: folder });
  const isUp = () => server.output.includes('Ready to accept connections');
  await waitFor(isUp, { timeoutMs: 60_000, describe: () => `redis-server to be up: ${server.output}` });
  return {
    url: `${authority ? 'rediss' : 'redis'}://${tlsName ?? '127.0.0.1'}:${port}`,
    certificateAuthority: authority,
    async close() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Everything that lies in it, as an administrator sees it. */
export async function hashesIn(url: string): Promise<Record<string, Record<string, string>>> {
  const client = await createClient({ url }).connect();
  const keys = await client.keys('*');
  const all = await Promise.all(keys.map(async (key) => [key, { ...(await client.hGetAll(key)) }] as const));
  client.destroy();
  return Object.fromEntries(all);
}

function tlsConfig(folder: string): string[] {
  const files = { cert: 'server.crt', key: 'server.key', 'ca-cert': 'ca.crt' };
  return [
    ...Object.entries(files).map(([what, name]) => `tls-${what}-file ${join(folder, name)}`),
    'tls-auth-clients no',
  ];
}

/** @returns the authority's certificate */
async function makeCertificates(folder: string, name: string): Promise<string> {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  await openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=throw-away authority');
  const authority = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-addext', `subjectAltName=DNS:${name}`];
  await openssl(
    'req',
    '-x509',
    ...key,
    ...authority,
    '-keyout',
    'server.key',
    '-out',
    'server.crt',
    '-subj',
    '/CN=redis',
  );
  return readFile(join(folder, 'ca.crt'), 'utf8');
}
