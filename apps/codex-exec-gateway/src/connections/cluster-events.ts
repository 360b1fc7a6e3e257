import { z } from 'zod';

/** The channel on which replicas tell each other what they wrote; the payloads are built in the stores' statements. */
export const CLUSTER_EVENTS_CHANNEL = 'codex_exec_events';

const clusterEventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('turn_revoked'), turn_id: z.string(), expires_at: z.number() }),
  z.object({ kind: z.literal('executor_deleted'), exe_id: z.string() }),
  z.object({ kind: z.literal('executor_disconnected'), exe_id: z.string() }),
  z.object({ kind: z.literal('executor_contested'), exe_id: z.string(), connection_id: z.string() }),
  z.object({ kind: z.literal('executor_unbound'), workspace_id: z.string(), exe_id: z.string() }),
  z.object({
    kind: z.literal('executor_connected'),
    exe_id: z.string(),
    connection_id: z.string(),
    connection_number: z.string().regex(/^\d{1,19}$/),
  }),
]);

/** Something that happened at one replica and concerns the sockets of all. */
export type ClusterEvent = z.infer<typeof clusterEventSchema>;

/** The event in a notification; undefined for one of another version, which its writer cannot expect us to know. */
export function parseClusterEvent(payload: string): ClusterEvent | undefined {
  try {
    const parsed = clusterEventSchema.safeParse(JSON.parse(payload));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
