import { randomUUID } from 'node:crypto';
import { sha256 } from '@codex-gateways/crypto';
import { waitFor } from '@codex-gateways/testing';
import { METADATA, manage, register } from '../../test/registration.ts';
import { useWorld } from '../../test/use-world.ts';

const world = useWorld({ CODEX_AUTH_DYNAMIC_REGISTRATION: 'open' });

/** Somebody waits for a lock while deleting device codes. */
async function deletionWaits(): Promise<boolean> {
  const { rows } = await world.db.query(
    `select 1
       from pg_stat_activity
      where datname = current_database()
        and wait_event_type = 'Lock'
        and query like 'delete from codex_auth.codex_device_codes%'`,
  );
  return rows.length > 0;
}

describe('a client that is deleted while one of its device codes is exchanged', () => {
  it('keeps nothing of the exchange: the deletion waits for it, and revokes what it gave', async () => {
    const { body } = await register(world, METADATA);
    const { client_id: clientId, registration_access_token: token } = body;
    const person = await world.addPerson();
    const code = sha256(randomUUID());
    await world.db.query(
      `insert into codex_auth.codex_device_codes
              (device_code_digest, user_code_digest, flow, client_id, scope, status, user_id, interval_seconds, created_at, expires_at)
       values ($1, $1, 'rfc8628', $2, 'openid', 'approved', $3, 5, now(), now() + interval '1 hour')`,
      [code, clientId, person.id],
    );
    const exchange = await world.db.connect();
    try {
      await exchange.query('begin');
      await exchange.query(
        "update codex_auth.codex_device_codes set status = 'exchanged' where device_code_digest = $1",
        [code],
      );
      const deletion = manage(world, 'DELETE', { clientId, token });
      await waitFor(deletionWaits, { timeoutMs: 60_000, describe: 'the deletion to wait for the exchange' });
      await exchange.query(
        `insert into codex_auth.oauth_grants (id, client_id, client_is_public, user_id, scope, created_at, expires_at)
         values ($1, $2, true, $3, 'openid', now(), now() + interval '1 hour')`,
        [randomUUID(), clientId, person.id],
      );
      await exchange.query('commit');
      expect((await deletion).status).toBe(204);
    } finally {
      exchange.release();
    }
    const { rows } = await world.db.query(
      `select (select count(*)::int from codex_auth.oauth_grants where client_id = $1 and revoked_at is null) as live_grants,
              (select count(*)::int from codex_auth.codex_device_codes where client_id = $1) as codes`,
      [clientId],
    );
    expect(rows).toEqual([{ live_grants: 0, codes: 0 }]);
  });
});
