import { type Cleanup, createTestDatabase, freePort } from '@codex-gateways/testing';
import { TestGateway } from './gateway.ts';

/** Two replicas over one database that know how to reach each other. */
export interface TwoReplicas {
  readonly first: TestGateway;
  readonly second: TestGateway;
  /** The same path at the other replica. */
  at(gateway: TestGateway, url: string): string;
}

export async function startTwoReplicas(
  cleanup: Cleanup,
  variables: Readonly<Record<string, string>> = {},
): Promise<TwoReplicas> {
  const database = await createTestDatabase();
  cleanup.after(() => database.drop());
  const [first, second] = [
    new TestGateway(() => database.url, variables),
    new TestGateway(() => database.url, variables),
  ];
  for (const gateway of [first, second]) {
    cleanup.after(() => gateway.stop());
    const port = await freePort();
    await gateway.start({ CXG_PORT: String(port), CXG_SELF_INTERNAL_URL: `http://127.0.0.1:${port}` });
  }
  const at = (gateway: TestGateway, url: string) => {
    const { pathname, search } = new URL(url);
    return `${gateway.wsUrl}${pathname}${search}`;
  };
  return { first, second, at };
}
