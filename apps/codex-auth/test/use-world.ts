import { createSealer, randomToken, sha256 } from '@codex-gateways/crypto';
import type { Pool } from '@codex-gateways/database';
import { buildAccessToken } from '@codex-gateways/tokens';
import type { AuthServiceDeps } from '../src/service.ts';
import { SigningKeys } from '../src/signing-keys/signing-keys.ts';
import { type AuthFixture, INTERNAL_SECRET, MASTER_KEY, useAuthService } from './use-auth-service.ts';

/** Somebody with a signed-in browser. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly cookie: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test says by its assertions what it expects here
  readonly body: any;
}

/** People, workspaces and calls, over a running service and its real database. */
export class World {
  readonly auth: AuthFixture;

  constructor(auth: AuthFixture) {
    this.auth = auth;
  }

  get db(): Pool {
    return this.auth.db;
  }

  async addPerson({ role = 'member' }: { role?: 'admin' | 'member' } = {}): Promise<Person> {
    const id = `user_${randomToken(8)}`;
    const email = `${id.toLowerCase()}@example.com`;
    const session = randomToken();
    await this.db.query('insert into codex_auth.users (id, email, role) values ($1, $2, $3)', [id, email, role]);
    // Far in the future, so that a test may move the clock without signing everybody out.
    await this.db.query(
      `insert into codex_auth.sessions (id_digest, user_id, last_seen_at, expires_at)
       values ($1, $2, now() + interval '20 years', now() + interval '20 years')`,
      [sha256(session), id],
    );
    return { id, email, cookie: `codex_session=${session}` };
  }

  async addWorkspace(members: readonly { person: Person; role: 'owner' | 'member' }[] = []): Promise<string> {
    const id = `ws_${randomToken(8)}`;
    await this.db.query('insert into codex_auth.workspaces (id, name) values ($1, $1)', [id]);
    for (const { person, role } of members) await this.join(id, person, role);
    return id;
  }

  async join(workspaceId: string, person: Person, role: 'owner' | 'member'): Promise<void> {
    await this.db.query('insert into codex_auth.workspace_members (workspace_id, user_id, role) values ($1, $2, $3)', [
      workspaceId,
      person.id,
      role,
    ]);
  }

  async leave(workspaceId: string, person: Person): Promise<void> {
    await this.db.query('delete from codex_auth.workspace_members where workspace_id = $1 and user_id = $2', [
      workspaceId,
      person.id,
    ]);
  }

  async disable(person: Person): Promise<void> {
    await this.db.query('update codex_auth.users set disabled_at = now() where id = $1', [person.id]);
  }

  /** The service's own keys. */
  async signingKeys(): Promise<SigningKeys> {
    const sealer = createSealer({ current: MASTER_KEY, previous: [] });
    const keys = new SigningKeys({ db: this.db, sealer, clock: this.auth.clock });
    await keys.ensureActiveKey();
    return keys;
  }

  /** An access token that the service itself would have issued. */
  async accessTokenOf(
    person: Person,
    { clientId = 'app_EMoamEEZ73f0CkXaXp7hrann', scope = 'openid', lifetimeSeconds = 3600 } = {},
  ): Promise<string> {
    const { clock } = this.auth;
    const keys = await this.signingKeys();
    const jti = randomToken();
    const now = clock.now();
    const expiresAt = new Date(now.getTime() + lifetimeSeconds * 1000);
    await this.db.query(
      `with issued_for as (
         insert into codex_auth.oauth_grants (id, client_id, client_is_public, user_id, scope, created_at, expires_at)
         values (gen_random_uuid(), $1, true, $2, $3, $4, $5)
         returning id
       )
       insert into codex_auth.codex_access_tokens (jti_digest, grant_id, scope, issued_at, expires_at)
       select $6, id, $3, $4, $5 from issued_for`,
      [clientId, person.id, scope, now, expiresAt, sha256(jti)],
    );
    const { token } = await buildAccessToken(keys.active(), {
      ...{ iss: this.auth.url, sub: person.id, jti, client_id: clientId, scope },
      ...{ nowSeconds: clock.nowSeconds(), lifetimeSeconds },
    });
    return token;
  }

  /** A call as somebody's browser makes it, or as nobody's. */
  call(person: Person | undefined, method: string, path: string, body?: unknown): Promise<Answer> {
    return this.send(method, path, body, person ? { cookie: person.cookie } : {});
  }

  /** A call as a gateway makes it. */
  internal(path: string, body: unknown, secret = INTERNAL_SECRET): Promise<Answer> {
    return this.send('POST', path, body, { 'x-internal-secret': secret });
  }

  /** @param body - text is sent as it is, anything else as JSON */
  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const answer = await fetch(`${this.auth.url}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, body: parsed(text) };
  }
}

/** Registers hooks that start a service for the tests of a file or a `describe`, with a world around it. */
export function useWorld(
  overrides: Parameters<typeof useAuthService>[0] = {},
  deps: Omit<AuthServiceDeps, 'clock'> = {},
): World {
  return new World(useAuthService(overrides, deps));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
