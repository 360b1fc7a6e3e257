import type { Queryable } from '@codex-gateways/database';

/** One of the bridges that a turn may have open. */
export interface BridgeSlot {
  readonly turnId: string;
  readonly slot: number;
  readonly bridgeId: string;
}

export type SlotOutcome =
  | { readonly kind: 'taken'; readonly slot: number }
  /** Another bridge took the same slot at the same moment; others may be free. */
  | { readonly kind: 'raced' }
  | { readonly kind: 'full' };

const TAKE_SLOT = `
  with free as (
    select s.slot
      from generate_series(1, $5::integer) as s (slot)
     where not exists (
             select 1
               from codex_exec.turn_bridges b
               join codex_exec.replicas r on r.replica_id = b.replica_id
              where b.turn_id = $1
                and b.slot = s.slot
                and r.lease_expires_at > now())
     order by random()
     limit 1
  ), taken as (
    insert into codex_exec.turn_bridges as b (turn_id, slot, bridge_id, replica_id, exe_id)
    select $1, slot, $2, $3, $4
      from free
    on conflict on constraint turn_bridges_pkey do update
       set bridge_id = excluded.bridge_id,
           replica_id = excluded.replica_id,
           exe_id = excluded.exe_id,
           opened_at = now()
     where not exists (
             select 1
               from codex_exec.replicas r
              where r.replica_id = b.replica_id
                and r.lease_expires_at > now())
    returning slot
  )
  select f.slot as free_slot, t.slot as taken_slot
    from free f
    left join taken t on t.slot = f.slot`;

/** Takes one of a turn's `limit` slots, atomically: the primary key lets only one bridge have it. */
export async function takeBridgeSlot(
  db: Queryable,
  bridge: { turnId: string; bridgeId: string; replicaId: string; exeId: string; limit: number },
): Promise<SlotOutcome> {
  const found = await db.query<{ free_slot: number; taken_slot: number | null }>({
    name: 'take_bridge_slot',
    text: TAKE_SLOT,
    values: [bridge.turnId, bridge.bridgeId, bridge.replicaId, bridge.exeId, bridge.limit],
  });
  const row = found.rows[0];
  if (!row) return { kind: 'full' };
  return row.taken_slot === null ? { kind: 'raced' } : { kind: 'taken', slot: row.taken_slot };
}

/** Gives slots back; one that another bridge has taken since stays. */
export async function releaseBridgeSlots(db: Queryable, slots: readonly BridgeSlot[]): Promise<void> {
  await db.query({
    name: 'release_bridge_slots',
    text: `delete from codex_exec.turn_bridges b
            using unnest($1::text[], $2::integer[], $3::uuid[]) as ended (turn_id, slot, bridge_id)
            where b.turn_id = ended.turn_id
              and b.slot = ended.slot
              and b.bridge_id = ended.bridge_id`,
    values: [slots.map(({ turnId }) => turnId), slots.map(({ slot }) => slot), slots.map(({ bridgeId }) => bridgeId)],
  });
}

/** Removes what replicas left that are gone, or that have been dead for a while. Returns how many. */
export async function deleteAbandonedSlots(
  db: Queryable,
  { deadForSeconds, limit }: { deadForSeconds: number; limit: number },
): Promise<number> {
  const deleted = await db.query(
    `delete from codex_exec.turn_bridges
      where (turn_id, slot) in (
              select b.turn_id, b.slot
                from codex_exec.turn_bridges b
                left join codex_exec.replicas r on r.replica_id = b.replica_id
               where r.lease_expires_at is null
                  or r.lease_expires_at < now() - make_interval(secs => $1)
               limit $2)`,
    [deadForSeconds, limit],
  );
  return deleted.rowCount ?? 0;
}
