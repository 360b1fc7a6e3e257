import { type Sealer, UnsealError } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Logger } from '@codex-gateways/service';
import { SEALED_COLUMNS, type SealedColumn } from './sealed-row-store.ts';

/** A value in the database that no configured master key opens. */
export class WrongMasterKeyError extends Error {
  override readonly name = 'WrongMasterKeyError';
  /** What does not open, in words. */
  readonly what: string;

  constructor(what: string, cause: UnsealError) {
    super(`${what} do not open`, { cause });
    this.what = what;
  }
}

export interface ResealingDeps {
  readonly db: Queryable;
  readonly sealer: Sealer;
  readonly log: Logger;
  readonly columns?: readonly SealedColumn[];
  /** Values that are in memory at once. */
  readonly batchRows?: number;
}

const BATCH_ROWS = 100;

/**
 * Seals under the current master key whatever an earlier one sealed, value by value: killed at any point, each value has a
 * seal that a configured key opens, and the next start does the rest. Several replicas may do it at once; a value is
 * replaced only if it is still the one that was read.
 * @returns how many values were sealed again
 * @throws {WrongMasterKeyError} when no configured master key opens a value; those before it have been sealed again
 */
export async function resealAll({
  db,
  sealer,
  log,
  columns = SEALED_COLUMNS,
  batchRows = BATCH_ROWS,
}: ResealingDeps): Promise<number> {
  let total = 0;
  for (const column of columns) {
    const count = await resealColumn(column, { db, sealer, batchRows });
    if (count > 0) log.info({ values: column.name, count }, 'sealed again under the current master key');
    total += count;
  }
  return total;
}

async function resealColumn(
  column: SealedColumn,
  { db, sealer, batchRows }: { db: Queryable; sealer: Sealer; batchRows: number },
): Promise<number> {
  const { currentKeyId } = sealer;
  let count = 0;
  let afterKey = '';
  for (;;) {
    const rows = await column.listStale(db, { currentKeyId, afterKey, limit: batchRows });
    for (const { key, sealed } of rows) {
      const context = column.contextOf(key);
      const to = sealer.seal(open(sealer, sealed, { context, column }), context);
      await column.replace(db, { key, from: sealed, to });
      count += 1;
    }
    afterKey = rows.at(-1)?.key ?? '';
    if (rows.length < batchRows) return count;
  }
}

function open(sealer: Sealer, sealed: Buffer, { context, column }: { context: string; column: SealedColumn }): Buffer {
  try {
    return sealer.open(sealed, context);
  } catch (error) {
    throw error instanceof UnsealError ? new WrongMasterKeyError(column.name, error) : error;
  }
}
