import type { Queryable } from '@codex-gateways/database';

interface ConsentKey {
  readonly userId: string;
  readonly clientId: string;
}

/** The scope that a person agreed to for a client, space-separated; empty without any consent. */
export async function findConsent(db: Queryable, { userId, clientId }: ConsentKey): Promise<string> {
  const found = await db.query<{ scope: string }>(
    'select scope from codex_auth.oauth_consents where user_id = $1 and client_id = $2',
    [userId, clientId],
  );
  return found.rows[0]?.scope ?? '';
}

export async function deleteConsentsTo(db: Queryable, clientId: string): Promise<void> {
  await db.query('delete from codex_auth.oauth_consents where client_id = $1', [clientId]);
}

export async function saveConsent(db: Queryable, consent: ConsentKey & { scope: string; now: Date }): Promise<void> {
  await db.query(
    `insert into codex_auth.oauth_consents (user_id, client_id, scope, granted_at)
     values ($1, $2, $3, $4)
         on conflict (user_id, client_id) do update
        set scope = excluded.scope, granted_at = excluded.granted_at`,
    [consent.userId, consent.clientId, consent.scope, consent.now],
  );
}
