import { SocketMemory } from '../src/socket-memory.ts';

/** What was read is overwritten after each event, and what is sent from when it is given back, so that who uses it later shows. */
const POISON = 0xee;

export interface PoisonedMemory {
  readonly memory: SocketMemory;
  /** What is in use, by what it was taken for. */
  readonly taken: { readonly blocks: ReadonlySet<Buffer>; readonly stashes: ReadonlySet<Buffer> };
  /** How often something was given back that was not in use. */
  faults(): number;
}

export function poisonedMemory(): PoisonedMemory {
  const memory = new SocketMemory();
  const blocks = watched(memory.blocks);
  const stashes = watched(memory.stashes);
  const { listen, handOver } = memory;
  memory.listen = (socket, onChunk) => listen.call(memory, socket, poisoning(onChunk));
  memory.handOver = (chunk, onChunk) => handOver.call(memory, chunk, poisoning(onChunk));
  return {
    memory,
    taken: { blocks: blocks.taken, stashes: stashes.taken },
    faults: () => blocks.faults() + stashes.faults(),
  };
}

type OnChunk = Parameters<SocketMemory['listen']>[1];

function poisoning(onChunk: OnChunk): OnChunk {
  return (memory, start, end) => {
    memory.fill(POISON, 0, start).fill(POISON, end);
    onChunk(memory, start, end);
    memory.fill(POISON);
  };
}

function watched(pool: { take(bytes: number): Buffer; giveBack(memory: Buffer): void }) {
  const taken = new Set<Buffer>();
  let faults = 0;
  const [take, giveBack] = [pool.take.bind(pool), pool.giveBack.bind(pool)];
  pool.take = (bytes) => {
    const memory = take(bytes).fill(POISON);
    if (taken.has(memory)) faults += 1;
    taken.add(memory);
    return memory;
  };
  pool.giveBack = (memory) => {
    if (!taken.delete(memory)) faults += 1;
    giveBack(memory.fill(POISON));
  };
  return { taken, faults: () => faults };
}
