import { FRAME_REFUSALS } from '@codex-gateways/relay-protocol';
import { CLOSE_CODES, type CloseCodeName } from '@codex-gateways/service';

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

/** Why connections of executors end. Each is a label of a metric that is there from the start. */
export const EXECUTOR_END_REASONS = [
  ...(Object.keys(CLOSE_CODES) as CloseCodeName[]),
  'closedByExecutor',
  'connectionLost',
] as const;

/** What the relay did, in plain numbers: a frame costs two additions, and the metrics read them when they are asked. */
export class RelayTally {
  readonly frames: Record<Direction, number> = { to_executor: 0, to_harness: 0 };
  readonly bytes: Record<Direction, number> = { to_executor: 0, to_harness: 0 };
  readonly dropped = Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>;
  readonly executorsEnded: Record<string, number> = Object.fromEntries(
    EXECUTOR_END_REASONS.map((reason) => [reason, 0]),
  );
  liveStreams = 0;
  liveHarnesses = 0;

  relayed(direction: Direction, sizeBytes: number): void {
    // By name: with a key that varies each of these costs a look-up.
    if (direction === 'to_executor') {
      this.frames.to_executor += 1;
      this.bytes.to_executor += sizeBytes;
    } else {
      this.frames.to_harness += 1;
      this.bytes.to_harness += sizeBytes;
    }
  }

  executorEnded(reason: string): void {
    this.executorsEnded[reason] = (this.executorsEnded[reason] ?? 0) + 1;
  }

  drop(reason: DropReason): void {
    this.dropped[reason] += 1;
  }
}
