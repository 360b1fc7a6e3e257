import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { errorCodeOf } from '../error-code.ts';
import { replaceFile } from '../files/replace-file.ts';

const turnSchema = z.object({ turnId: z.string().min(1), expiresAtSeconds: z.int() });
const journalSchema = z.array(turnSchema);

/** A turn whose capability token could still be used; it is dead by itself at `expiresAtSeconds` (epoch seconds). */
export type OpenTurn = z.infer<typeof turnSchema>;

/**
 * The turns that were begun and are not known to be revoked, in one small file: this service has no database, and a
 * token in the environment of a process that is gone must not stay good because nobody remembers it. Every change is
 * on the disk when its promise settles.
 */
export class TurnJournal {
  readonly #path: string;
  readonly #turns = new Map<string, OpenTurn>();
  #lastWrite: Promise<void> = Promise.resolve();
  #nextWrite: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Reads what an earlier run left.
   * @throws {Error} when the file is there and not readable as a journal: to go on would forget turns
   */
  async open(): Promise<readonly OpenTurn[]> {
    const text = await readFile(this.#path, 'utf8').catch((error: unknown) => {
      if (errorCodeOf(error) === 'ENOENT') return '[]';
      throw error;
    });
    const turns = journalSchema.safeParse(JSON.parse(text));
    if (!turns.success) throw new Error(`${this.#path} is not a journal of turns`);
    for (const turn of turns.data) this.#turns.set(turn.turnId, turn);
    return turns.data;
  }

  /** What is in it already, with the same end, is not written again. */
  async add(turn: OpenTurn): Promise<void> {
    const isThere = this.#turns.get(turn.turnId)?.expiresAtSeconds === turn.expiresAtSeconds;
    if (isThere) return (this.#nextWrite ?? this.#lastWrite).catch(() => this.#write());
    this.#turns.set(turn.turnId, turn);
    await this.#write();
  }

  async remove(turnId: string): Promise<void> {
    if (this.#turns.delete(turnId)) await this.#write();
  }

  /** One write at a time; changes that come meanwhile share the next one. */
  #write(): Promise<void> {
    this.#nextWrite ??= this.#lastWrite
      .catch(() => undefined)
      .then(() => {
        this.#nextWrite = undefined;
        this.#lastWrite = replaceFile(this.#path, JSON.stringify([...this.#turns.values()]));
        return this.#lastWrite;
      });
    return this.#nextWrite;
  }
}
