import type { Clock } from '@codex-gateways/service';
import { WriteBatch } from '../write-batch.ts';
import { type TokenLifetimes, type TokenTimes, tokenTimes } from './new-tokens.ts';
import type { SigningQueue } from './signing-queue.ts';

/** A grant whose new tokens are stored, and when they were issued. */
export interface Issued<Grant> {
  readonly grant: Grant;
  readonly issuedAtSeconds: number;
}

/**
 * Spends items, each for the tokens of a grant. Those that wait for a signature at the same time share one statement, and the time at
 * which they are issued.
 * @param spend - the statement; with `waits` it waits for items that somebody else holds at the moment, and leaves them out otherwise.
 * It returns the grants of what it spent, by position
 */
export function issueBatch<Item, Grant>(
  { clock, lifetimes, signingQueue }: { clock: Clock; lifetimes: TokenLifetimes; signingQueue: SigningQueue },
  spend: (items: readonly Item[], how: { times: TokenTimes; waits: boolean }) => Promise<ReadonlyMap<number, Grant>>,
): WriteBatch<Item, Issued<Grant>> {
  const issue = async (items: readonly Item[], waits: boolean): Promise<ReadonlyMap<number, Issued<Grant>>> => {
    const times = tokenTimes(clock, lifetimes);
    const { issuedAtSeconds } = times;
    const grants = await spend(items, { times, waits });
    return new Map(Array.from(grants, ([position, grant]) => [position, { grant, issuedAtSeconds }]));
  };
  const write = {
    together: (items: readonly Item[]) => issue(items, false),
    alone: async (item: Item) => (await issue([item], true)).get(0),
  };
  return new WriteBatch(write, { pace: signingQueue });
}
