import type { Environment } from '@codex-gateways/service';
import { readConfig } from '../src/config.ts';
import { type AuthService, createAuthService } from '../src/service.ts';
import { type AuthFixture, authEnvironment } from './use-auth-service.ts';

/** Starts another replica over the database and the clock of a running one, and with its issuer. The caller closes it. */
export async function startReplica(auth: AuthFixture, overrides: Environment = {}): Promise<AuthService> {
  const env = await authEnvironment(auth.databaseUrl, {
    CODEX_AUTH_PORT: '0',
    CODEX_AUTH_ISSUER_URL: auth.url,
    ...overrides,
  });
  const replica = createAuthService(readConfig(env), { clock: auth.clock });
  try {
    await replica.start();
  } catch (error) {
    await replica.close();
    throw error;
  }
  return replica;
}

/**
 * Registers hooks that run another replica beside the one of `auth` while the tests run.
 * @param overrides - settings, or what finds them when the tests begin
 */
export function useReplica(
  auth: AuthFixture,
  overrides: Environment | (() => Environment) = {},
): { readonly url: string } {
  let replica: AuthService | undefined;
  beforeAll(async () => {
    replica = await startReplica(auth, typeof overrides === 'function' ? overrides() : overrides);
  });
  afterAll(() => replica?.close());
  return {
    get url() {
      if (!replica) throw new TypeError('the replica runs only while the tests run');
      return replica.url;
    },
  };
}
