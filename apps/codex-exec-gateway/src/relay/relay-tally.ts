import { FRAME_REFUSALS } from '@codex-gateways/relay-protocol';

/** Why a frame went nowhere. Each is a label of a metric that is there from the start. */
export const DROP_REASONS = [
  ...FRAME_REFUSALS,
  'unknown_stream',
  'foreign_stream',
  'too_many_streams',
  'harness_buffer_full',
  'executor_buffer_full',
  'frame_too_large',
  'text_frame',
  'peer_closing',
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

export const DIRECTIONS = ['to_executor', 'to_harness'] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** What the relay did, in plain numbers: a frame costs two additions, and the metrics read them when they are asked. */
export class RelayTally {
  readonly frames: Record<Direction, number> = { to_executor: 0, to_harness: 0 };
  readonly bytes: Record<Direction, number> = { to_executor: 0, to_harness: 0 };
  readonly dropped = Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>;
  liveStreams = 0;
  liveHarnesses = 0;

  relayed(direction: Direction, sizeBytes: number): void {
    this.frames[direction] += 1;
    this.bytes[direction] += sizeBytes;
  }

  drop(reason: DropReason): void {
    this.dropped[reason] += 1;
  }
}
