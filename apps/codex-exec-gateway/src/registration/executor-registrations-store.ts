import type { Queryable } from '@codex-gateways/database';
import type { NoisePublicKey } from '@codex-gateways/tokens';
import type { ClientMetadata } from './client-metadata.ts';
import type { Generation } from './generation.ts';

/** How many registrations of one executor may be ahead of the clock, each a second; see `insertRegistration`. */
const REGISTRATION_BURST = 60;

export interface NewRegistration {
  readonly registrationId: string;
  readonly exeId: string;
  readonly userId: string;
  /** Undefined for a legacy executor, which sends none. */
  readonly publicKey: NoisePublicKey | undefined;
  /** Epoch seconds: the earliest expiry of the ticket. */
  readonly ticketExpiresAtSeconds: number;
  readonly client: ClientMetadata;
  readonly requestId: string;
}

export type RegisterOutcome =
  | { readonly kind: 'registered'; readonly ticketExpiresAtSeconds: number; readonly isInDuel: boolean }
  | { readonly kind: 'unknown_executor' | 'not_owner' | 'too_many' };

/**
 * Registers one run of an executor: ownership, key, client metadata and last seen in one statement. Each registration gets
 * a ticket expiry of its own, at least a second after the one before, so that a ticket, which is nothing but id and
 * expiry, names its registration. The row lock of the update makes concurrent registrations queue and see each other.
 * A registration more than REGISTRATION_BURST ahead is `too_many`; one place a second becomes free.
 */
export async function insertRegistration(db: Queryable, registration: NewRegistration): Promise<RegisterOutcome> {
  const { publicKey, client } = registration;
  const outcome = await db.query<{ is_owner: boolean; ticket_expires_at: string | null; is_in_duel: boolean }>({
    name: 'insert_registration',
    text: INSERT_REGISTRATION,
    values: [
      registration.exeId,
      registration.userId,
      registration.ticketExpiresAtSeconds,
      registration.ticketExpiresAtSeconds + REGISTRATION_BURST,
      registration.registrationId,
      publicKey ? 'noise' : 'legacy',
      publicKey?.suite,
      publicKey?.x25519_public_key,
      publicKey?.mlkem768_public_key,
      client.ip,
      client.userAgent,
      client.codexVersion,
      client.os,
      registration.requestId,
    ],
  });
  const row = outcome.rows[0];
  if (!row) return { kind: 'unknown_executor' };
  if (!row.is_owner) return { kind: 'not_owner' };
  if (row.ticket_expires_at === null) return { kind: 'too_many' };
  const ticketExpiresAtSeconds = Number(row.ticket_expires_at);
  return { kind: 'registered', ticketExpiresAtSeconds, isInDuel: row.is_in_duel };
}

const INSERT_REGISTRATION = `
  with executor as (
    update codex_exec.executors
       set last_ticket_expires_at = greatest($3, last_ticket_expires_at + 1),
           last_registered_at = now(),
           last_seen_at = now(),
           client_ip = $10,
           user_agent = $11,
           codex_version = coalesce($12, codex_version),
           os = coalesce($13, os)
     where exe_id = $1
       and owner_user_id = $2
       and last_ticket_expires_at < $4
    returning exe_id, last_ticket_expires_at
  ), registration as (
    insert into codex_exec.executor_registrations
           (executor_registration_id, exe_id, ticket_expires_at, generation,
            key_suite, x25519_public_key, mlkem768_public_key)
    select $5, exe_id, last_ticket_expires_at, $6, $7, $8, $9
      from executor
    returning exe_id, ticket_expires_at, generation
  ), audited as (
    insert into codex_exec.audit_events (action, actor_user_id, exe_id, request_id, details)
    select 'executor.registered', $2, exe_id, $14,
           jsonb_build_object('executor_registration_id', $5::text, 'generation', generation, 'ip', $10::text)
      from registration
  )
  select e.owner_user_id = $2 as is_owner, r.ticket_expires_at, coalesce(e.duel_until > now(), false) as is_in_duel
    from codex_exec.executors e
    left join registration r on r.exe_id = e.exe_id
   where e.exe_id = $1`;

/** What a ticket stands for. */
export interface TicketHolder {
  readonly registrationId: string | undefined;
  readonly generation: Generation;
  readonly ownerUserId: string;
  /** Two processes have been taking this executor's place from each other. */
  readonly isInDuel: boolean;
}

/** A verified ticket. */
export interface Ticket {
  readonly exeId: string;
  /** Epoch seconds. */
  readonly ticketExpiresAtSeconds: number;
}

/**
 * The registration that each ticket was issued for; for a ticket that another server minted, the executor's latest, and without
 * any the executor counts as legacy. Undefined when there is no such executor, or when it was disconnected after the ticket was
 * minted. In the order of the tickets.
 */
export async function findTicketHolders(
  db: Queryable,
  tickets: readonly Ticket[],
): Promise<(TicketHolder | undefined)[]> {
  const found = await db.query<{
    position: number;
    executor_registration_id: string | null;
    generation: Generation | null;
    owner_user_id: string;
    is_in_duel: boolean;
  }>({
    name: 'find_ticket_holders',
    text: `select t.position::integer, r.executor_registration_id, r.generation, e.owner_user_id,
                  coalesce(e.duel_until > now(), false) as is_in_duel
             from unnest($1::text[], $2::bigint[]) with ordinality as t (exe_id, expires_at, position)
             join codex_exec.executors e on e.exe_id = t.exe_id and e.tickets_void_through < t.expires_at
             left join lateral (
                    select executor_registration_id, generation
                      from codex_exec.executor_registrations
                     where exe_id = e.exe_id
                       and ticket_expires_at in (t.expires_at, e.last_ticket_expires_at)
                     order by ticket_expires_at = t.expires_at desc
                     limit 1) r on true`,
    values: [tickets.map(({ exeId }) => exeId), tickets.map(({ ticketExpiresAtSeconds }) => ticketExpiresAtSeconds)],
  });
  const holders: (TicketHolder | undefined)[] = tickets.map(() => undefined);
  for (const row of found.rows) {
    holders[row.position - 1] = {
      registrationId: row.executor_registration_id ?? undefined,
      generation: row.generation ?? 'legacy',
      ownerUserId: row.owner_user_id,
      isInDuel: row.is_in_duel,
    };
  }
  return holders;
}

/** Removes registrations that nothing refers to: ticket expired, not the latest, no connection. Returns how many. */
export async function deleteExpiredRegistrations(
  db: Queryable,
  { nowSeconds, limit }: { nowSeconds: number; limit: number },
): Promise<number> {
  const deleted = await db.query(
    `delete from codex_exec.executor_registrations
      where executor_registration_id in (
              select r.executor_registration_id
                from codex_exec.executor_registrations r
                join codex_exec.executors e on e.exe_id = r.exe_id
               where r.ticket_expires_at < $1
                 and r.ticket_expires_at <> e.last_ticket_expires_at
                 and not exists (
                       select 1
                         from codex_exec.executor_connections c
                        where c.executor_registration_id = r.executor_registration_id)
               order by r.ticket_expires_at
               limit $2)`,
    [nowSeconds, limit],
  );
  return deleted.rowCount ?? 0;
}
