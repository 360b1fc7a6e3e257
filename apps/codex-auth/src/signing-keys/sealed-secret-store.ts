import type { Queryable } from '@codex-gateways/database';

export async function findSealedSecret(db: Queryable, name: string): Promise<Buffer | undefined> {
  const found = await db.query<{ sealed: Buffer }>('select sealed from codex_auth.sealed_secrets where name = $1', [
    name,
  ]);
  return found.rows[0]?.sealed;
}

/** Keeps what is there: of replicas that insert at once, one wins. */
export async function insertSealedSecret(
  db: Queryable,
  { name, sealed }: { name: string; sealed: Buffer },
): Promise<void> {
  await db.query(
    `insert into codex_auth.sealed_secrets (name, sealed)
     values ($1, $2)
         on conflict (name) do nothing`,
    [name, sealed],
  );
}
