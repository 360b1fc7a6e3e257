import { randomBytes } from 'node:crypto';
import { createSealer, UnsealError } from '@codex-gateways/crypto';
import type { Pool, Queryable } from '@codex-gateways/database';
import { createLogger } from '@codex-gateways/service';
import { OAuthClient } from '../../test/oauth-client.ts';
import { MASTER_KEY, useAuthService } from '../../test/use-auth-service.ts';
import { startReplica } from '../../test/use-replica.ts';
import { upstreamTokensContextOf } from '../upstream/upstream-token-sealing.ts';
import { dcrContextOf } from '../upstream-registration/sealed-dcr-credentials.ts';
import { resealAll, WrongMasterKeyError } from './resealing.ts';
import { SEALED_COLUMNS } from './sealed-row-store.ts';

const auth = useAuthService();
const client = new OAuthClient(() => auth.url);
const log = createLogger({ service: 'test', level: 'silent' });
const NEW_KEY = Buffer.alloc(32, 8);
const OTHER_KEY = Buffer.alloc(32, 9);
const base64 = (key: Buffer) => key.toString('base64');

/** Adds secrets under the master key that the service has, and takes away what an earlier test added. */
async function addSecrets(db: Pool, count: number): Promise<Map<string, string>> {
  const sealer = createSealer({ current: MASTER_KEY });
  await db.query("delete from codex_auth.sealed_secrets where name like 'test-%'");
  const secrets = new Map<string, string>();
  for (let index = 0; index < count; index += 1) {
    const name = `test-${String(index).padStart(3, '0')}`;
    const secret = randomBytes(32);
    secrets.set(name, secret.toString('hex'));
    const sealed = sealer.seal(secret, `sealed_secrets.sealed:${name}`);
    await db.query('insert into codex_auth.sealed_secrets (name, sealed) values ($1, $2)', [name, sealed]);
  }
  return secrets;
}

/** Adds a value to each column that is empty in a service without identity providers. */
async function addUpstreamValues(db: Pool): Promise<void> {
  const sealer = createSealer({ current: MASTER_KEY });
  const id = '00000000-0000-4000-8000-000000000001';
  await client.signedIn();
  await db.query(
    `insert into codex_auth.upstream_tokens (id, user_id, session_digest, provider, tokens_sealed, created_at)
     select $1, user_id, id_digest, 'corp', $2, now() from codex_auth.sessions limit 1`,
    [id, sealer.seal(Buffer.from('tokens'), upstreamTokensContextOf(id))],
  );
  await db.query(
    `insert into codex_auth.dcr_credentials (id, issuer, redirect_uri, scopes_hash, upstream, sealed)
     values ($1, '', '', '', '', $2)`,
    ['registration', sealer.seal(Buffer.from('registration'), dcrContextOf('registration'))],
  );
}

async function secretsUnder(key: Buffer): Promise<Map<string, string>> {
  const sealer = createSealer({ current: key });
  const { rows } = await auth.db.query<{ name: string; sealed: Buffer }>(
    "select name, sealed from codex_auth.sealed_secrets where name like 'test-%' order by name",
  );
  return new Map(
    rows.map(({ name, sealed }) => [name, sealer.open(sealed, `sealed_secrets.sealed:${name}`).toString('hex')]),
  );
}

/** Dies at the nth statement, as a process does that is killed. */
function dyingAfter(db: Pool, statements: number): Queryable {
  let left = statements;
  const query = (text: string, values: unknown[]) => {
    left -= 1;
    return left < 0 ? Promise.reject(new Error('killed')) : db.query(text, values);
  };
  return { query } as unknown as Queryable;
}

describe('a new master key', () => {
  const both = createSealer({ current: NEW_KEY, previous: [MASTER_KEY] });
  const back = createSealer({ current: MASTER_KEY, previous: [NEW_KEY] });

  it('gets every sealed value, in batches, however many replicas do it at once', async () => {
    const secrets = await addSecrets(auth.db, 23);
    await Promise.all(Array.from({ length: 4 }, () => resealAll({ db: auth.db, sealer: both, log, batchRows: 5 })));
    expect(await secretsUnder(NEW_KEY)).toEqual(secrets);
    expect(await resealAll({ db: auth.db, sealer: both, log })).toBe(0);
    const { rows } = await auth.db.query(
      `select encode(substring(private_pkcs8_sealed from 2 for 4), 'hex') as id from codex_auth.codex_jwks_keys
        union
       select encode(substring(sealed from 2 for 4), 'hex') from codex_auth.sealed_secrets`,
    );
    expect(rows).toEqual([{ id: both.currentKeyId.toString('hex') }]);
    await resealAll({ db: auth.db, sealer: back, log });
  });

  it('loses nothing when the work is killed at any point, and the next start does the rest', async () => {
    const secrets = await addSecrets(auth.db, 4);
    for (let statements = 0; statements < 9; statements += 1) {
      const run = resealAll({ db: dyingAfter(auth.db, statements), sealer: both, log, batchRows: 2 });
      await expect(run).rejects.toThrow('killed');
      const replica = await startReplica(auth, {
        CODEX_AUTH_MASTER_KEY: base64(NEW_KEY),
        CODEX_AUTH_PREVIOUS_MASTER_KEYS: base64(MASTER_KEY),
      });
      await replica.close();
      expect(await secretsUnder(NEW_KEY)).toEqual(secrets);
      await resealAll({ db: auth.db, sealer: back, log });
    }
  });

  it('does not disturb a replica that still runs with the one before', async () => {
    await resealAll({ db: auth.db, sealer: both, log });
    const { access_token } = await client.tokens();
    expect(await client.me(access_token)).toBe(200);
    await resealAll({ db: auth.db, sealer: back, log });
  });
});

describe('tokens of identity providers, and registrations there', () => {
  it('get the new master key too, and nothing opens in the row of another', async () => {
    await addUpstreamValues(auth.db);
    const columns = SEALED_COLUMNS.slice(2);
    const change = createSealer({ current: NEW_KEY, previous: [MASTER_KEY] });
    expect(await resealAll({ db: auth.db, sealer: change, log, columns })).toBe(2);
    const { rows } = await auth.db.query<{ id: string; tokens_sealed: Buffer }>(
      'select id, tokens_sealed from codex_auth.upstream_tokens',
    );
    const sealer = createSealer({ current: NEW_KEY });
    const opened = rows.map((row) => String(sealer.open(row.tokens_sealed, upstreamTokensContextOf(row.id))));
    expect(opened).toEqual(['tokens']);
    const elsewhere = () => sealer.open(rows[0]?.tokens_sealed ?? Buffer.alloc(0), upstreamTokensContextOf('another'));
    expect(elsewhere).toThrow(UnsealError);
    await auth.db.query('delete from codex_auth.upstream_tokens');
    await auth.db.query('delete from codex_auth.dcr_credentials');
  });
});

describe('a wrong master key', () => {
  it('stops the start with one line that names the variable and not its value', async () => {
    const settings = { CODEX_AUTH_MASTER_KEY: base64(OTHER_KEY), CODEX_AUTH_PREVIOUS_MASTER_KEYS: base64(NEW_KEY) };
    const start = startReplica(auth, settings);
    await expect(start).rejects.toMatchObject({
      name: 'ConfigError',
      problems: [
        expect.stringMatching(/^CODEX_AUTH_MASTER_KEY does not open the signing keys; .*PREVIOUS_MASTER_KEYS$/),
      ],
    });
    await expect(start).rejects.not.toThrow(base64(OTHER_KEY));
    expect((await client.tokens()).token_type).toBe('Bearer');
  });

  it('leaves every value as it is', async () => {
    const secrets = await addSecrets(auth.db, 3);
    await addUpstreamValues(auth.db);
    const sealer = createSealer({ current: OTHER_KEY });
    for (const column of SEALED_COLUMNS) {
      const run = resealAll({ db: auth.db, sealer, log, columns: [column] });
      await expect(run).rejects.toThrow(WrongMasterKeyError);
      await expect(run).rejects.toMatchObject({ what: column.name, cause: expect.any(UnsealError) });
    }
    expect(await secretsUnder(MASTER_KEY)).toEqual(secrets);
  });
});
