import type { Queryable } from '@codex-gateways/database';

/** Who a user is at a provider. */
export interface UpstreamIdentity {
  readonly provider: string;
  readonly subject: string;
  readonly userId: string;
  /** Who said so. */
  readonly issuer: string;
  readonly email: string;
  readonly createdAt: Date;
  readonly lastSignedInAt: Date | undefined;
}

interface IdentityRow {
  provider: string;
  subject: string;
  user_id: string;
  issuer: string;
  email: string;
  created_at: Date;
  last_signed_in_at: Date | null;
}

const COLUMNS = 'provider, subject, user_id, issuer, email, created_at, last_signed_in_at';

export async function findIdentity(
  db: Queryable,
  { provider, subject }: { provider: string; subject: string },
): Promise<UpstreamIdentity | undefined> {
  const { rows } = await db.query<IdentityRow>(
    `select ${COLUMNS} from codex_auth.upstream_identities where provider = $1 and subject = $2`,
    [provider, subject],
  );
  return rows[0] && toIdentity(rows[0]);
}

/** @returns false when the identity is somebody's already, and then nothing was written */
export async function insertIdentity(
  db: Queryable,
  identity: Omit<UpstreamIdentity, 'lastSignedInAt'>,
): Promise<boolean> {
  const made = await db.query(
    `insert into codex_auth.upstream_identities (provider, subject, user_id, issuer, email, created_at)
     values ($1, $2, $3, $4, $5, $6)
         on conflict (provider, subject) do nothing`,
    [identity.provider, identity.subject, identity.userId, identity.issuer, identity.email, identity.createdAt],
  );
  return made.rowCount === 1;
}

export async function noteSignIn(
  db: Queryable,
  { provider, subject, email, now }: { provider: string; subject: string; email: string; now: Date },
): Promise<void> {
  await db.query(
    `update codex_auth.upstream_identities
        set email = $3, last_signed_in_at = $4
      where provider = $1
        and subject = $2`,
    [provider, subject, email, now],
  );
}

export async function listIdentities(db: Queryable, userId: string): Promise<UpstreamIdentity[]> {
  const { rows } = await db.query<IdentityRow>(
    `select ${COLUMNS} from codex_auth.upstream_identities where user_id = $1 order by provider, subject`,
    [userId],
  );
  return rows.map(toIdentity);
}

/** Links somebody at a provider to a user whom there is; the address is the user's until the first sign-in. */
export async function linkIdentity(
  tx: Queryable,
  link: { userId: string; provider: string; subject: string; issuer: string; now: Date },
): Promise<'linked' | 'taken' | 'no_user'> {
  const user = await tx.query<{ email: string }>('select email from codex_auth.users where id = $1 for key share', [
    link.userId,
  ]);
  const email = user.rows[0]?.email;
  if (email === undefined) return 'no_user';
  return (await insertIdentity(tx, { ...link, email, createdAt: link.now })) ? 'linked' : 'taken';
}

/** @returns false when the user has no such identity */
export async function deleteIdentity(
  tx: Queryable,
  { userId, provider, subject }: { userId: string; provider: string; subject: string },
): Promise<boolean> {
  const gone = await tx.query(
    'delete from codex_auth.upstream_identities where user_id = $1 and provider = $2 and subject = $3',
    [userId, provider, subject],
  );
  return gone.rowCount === 1;
}

function toIdentity(row: IdentityRow): UpstreamIdentity {
  return {
    provider: row.provider,
    subject: row.subject,
    userId: row.user_id,
    issuer: row.issuer,
    email: row.email,
    createdAt: row.created_at,
    lastSignedInAt: row.last_signed_in_at ?? undefined,
  };
}
