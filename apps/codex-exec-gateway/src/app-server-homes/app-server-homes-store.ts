import type { Queryable } from '@codex-gateways/database';

/** An app-gateway, and where its replicas reach it. */
export interface AppGatewayIdentity {
  readonly gatewayName: string;
  readonly gatewayUrl: string;
}

/** Where the app-server of a workspace lives. */
export interface AppServerHome extends AppGatewayIdentity {
  /** Rises when another gateway takes the workspace over. */
  readonly epoch: number;
}

export interface HeldWorkspace {
  readonly workspaceId: string;
  readonly epoch: number;
}

/**
 * Gives the workspace to the asker, unless another gateway has it: one with a live lease on it, or the last one, which has the
 * workspace's state on its disk, if it is alive. One statement, so of any number of askers one gets it.
 * @param takeOver - the last one could not be reached: only a live lease keeps it there
 */
export async function acquireHome(
  db: Queryable,
  asker: AppGatewayIdentity & { workspaceId: string; leaseSeconds: number; takeOver: boolean },
): Promise<AppServerHome> {
  // The row is locked when the new values are made from it, so the lease in them is the latest. Whether a gateway is alive is
  // read from the past of this statement, and only a preference.
  const acquired = await db.query<{ gateway_name: string; gateway_url: string; epoch: string }>({
    name: 'acquire_app_server_home',
    text: `insert into codex_exec.app_server_homes as h (workspace_id, gateway_name, gateway_url, lease_expires_at)
           values ($1, $2, $3, now() + make_interval(secs => $4))
           on conflict on constraint app_server_homes_pkey do update
              set (gateway_name, gateway_url, epoch, lease_expires_at) = (
                    select case when stays.elsewhere then h.gateway_name else excluded.gateway_name end,
                           case when stays.elsewhere then h.gateway_url else excluded.gateway_url end,
                           case when stays.elsewhere or h.gateway_name = excluded.gateway_name then h.epoch
                                else h.epoch + 1 end,
                           case when stays.elsewhere then h.lease_expires_at else excluded.lease_expires_at end
                      from (select h.gateway_name <> excluded.gateway_name
                                   and (h.lease_expires_at > now()
                                        or (not $5 and exists (
                                              select 1
                                                from codex_exec.app_gateways g
                                               where g.gateway_name = h.gateway_name
                                                 and g.lease_expires_at > now()))) as elsewhere) as stays)
           returning gateway_name, gateway_url, epoch`,
    values: [asker.workspaceId, asker.gatewayName, asker.gatewayUrl, asker.leaseSeconds, asker.takeOver],
  });
  const [home] = acquired.rows;
  if (!home) throw new Error('a home was neither made nor found');
  return { gatewayName: home.gateway_name, gatewayUrl: home.gateway_url, epoch: Number(home.epoch) };
}

/**
 * Prolongs the lease of a gateway and those of the workspaces that it has, in one statement. Whoever had its address before is
 * dead: two processes cannot listen there.
 * @returns the workspaces that are still its own
 */
export async function renewHomes(
  db: Queryable,
  gateway: AppGatewayIdentity & { leaseSeconds: number; held: readonly HeldWorkspace[] },
): Promise<string[]> {
  const renewed = await db.query<{ workspace_id: string }>({
    name: 'renew_app_server_homes',
    text: `with gateway as (
             insert into codex_exec.app_gateways (gateway_name, gateway_url, lease_expires_at)
             values ($1, $2, now() + make_interval(secs => $3))
             on conflict on constraint app_gateways_pkey do update
                set gateway_url = excluded.gateway_url,
                    lease_expires_at = excluded.lease_expires_at
           ), predecessors as (
             update codex_exec.app_gateways
                set lease_expires_at = now()
              where gateway_url = $2
                and gateway_name <> $1
                and lease_expires_at > now()
             returning gateway_name
           ), orphans as (
             update codex_exec.app_server_homes h
                set lease_expires_at = now()
               from predecessors p
              where h.gateway_name = p.gateway_name
                and h.lease_expires_at > now()
           )
           update codex_exec.app_server_homes h
              set gateway_url = $2,
                  lease_expires_at = now() + make_interval(secs => $3)
             from unnest($4::text[], $5::bigint[]) as held (workspace_id, epoch)
            where h.workspace_id = held.workspace_id
              and h.gateway_name = $1
              and h.epoch = held.epoch
           returning h.workspace_id`,
    values: [
      gateway.gatewayName,
      gateway.gatewayUrl,
      gateway.leaseSeconds,
      gateway.held.map(({ workspaceId }) => workspaceId),
      gateway.held.map(({ epoch }) => epoch),
    ],
  });
  return renewed.rows.map((row) => row.workspace_id);
}

/** Ends the lease on one workspace, if it is still the gateway's in that epoch. It remains the last home. */
export async function releaseHome(
  db: Queryable,
  { gatewayName, workspaceId, epoch }: HeldWorkspace & { gatewayName: string },
): Promise<void> {
  await db.query({
    name: 'release_app_server_home',
    text: `update codex_exec.app_server_homes
              set lease_expires_at = now()
            where workspace_id = $1
              and gateway_name = $2
              and epoch = $3
              and lease_expires_at > now()`,
    values: [workspaceId, gatewayName, epoch],
  });
}

/** Takes a gateway off the list, and ends its leases: any other may take over. */
export async function deleteAppGateway(db: Queryable, gatewayName: string): Promise<void> {
  await db.query(
    `with gone as (
       delete from codex_exec.app_gateways
        where gateway_name = $1
     )
     update codex_exec.app_server_homes
        set lease_expires_at = now()
      where gateway_name = $1
        and lease_expires_at > now()`,
    [gatewayName],
  );
}

/** Forgets gateways that are dead, and homes that nobody has asked for, since long. Returns how many rows. */
export async function deleteForgottenHomes(
  db: Queryable,
  { unusedForSeconds, limit }: { unusedForSeconds: number; limit: number },
): Promise<number> {
  const homes = await db.query(
    `delete from codex_exec.app_server_homes
      where workspace_id in (
              select workspace_id
                from codex_exec.app_server_homes
               where lease_expires_at < now() - make_interval(secs => $1)
               limit $2)`,
    [unusedForSeconds, limit],
  );
  const gateways = await db.query(
    'delete from codex_exec.app_gateways where lease_expires_at < now() - make_interval(secs => $1)',
    [unusedForSeconds],
  );
  return (homes.rowCount ?? 0) + (gateways.rowCount ?? 0);
}
