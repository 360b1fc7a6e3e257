import { createPool } from '@codex-gateways/database';
import { request } from 'undici';
import type { LocalStack } from '../src/index.ts';

/** An answer of a service, its body parsed. */
export interface ApiAnswer<Body> {
  readonly status: number;
  readonly body: Body;
}

/** Calls a JSON API with a bearer or other headers. */
export async function callApi<Body = unknown>(
  url: string,
  {
    method = 'GET',
    bearer,
    headers = {},
    json,
  }: {
    method?: 'GET' | 'POST' | 'DELETE';
    bearer?: string;
    headers?: Record<string, string>;
    json?: unknown;
  } = {},
): Promise<ApiAnswer<Body>> {
  const answer = await request(url, {
    method,
    headers: {
      ...headers,
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: json === undefined ? null : JSON.stringify(json),
  });
  const text = await answer.body.text();
  return { status: answer.statusCode, body: (text === '' ? undefined : JSON.parse(text)) as Body };
}

/** The payload of a JWT, unverified. */
export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
}

/** Bridges at all replicas. One that was forwarded is at two of them and counts once, where its executor is. */
export async function countLiveBridges(stack: LocalStack): Promise<number> {
  const counts = await Promise.all(
    stack.replicas('exec').map(async ({ url }) => {
      const metrics = await (await request(`${url}/metrics`)).body.text();
      const gauge = (name: string) => Number(new RegExp(`^codex_exec_${name}\\S* (\\d+)`, 'm').exec(metrics)?.[1]);
      return gauge('live_bridges') - gauge('forwarded_bridges');
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The end of a remote token's time is now. */
export async function letTokenExpire({ databaseUrl }: LocalStack, id: string): Promise<void> {
  const db = createPool({ databaseUrl, applicationName: 'test', maxConnections: 1 });
  try {
    await db.query('update codex_auth.codex_remote_tokens set expires_at = now() where id = $1', [id]);
  } finally {
    await db.end();
  }
}
