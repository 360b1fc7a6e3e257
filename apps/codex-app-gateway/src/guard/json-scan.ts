import type { JsonObject } from './json-object.ts';
import { scanInJavaScript } from './scan-in-javascript.ts';
import { createWasmScan, WINDOW_BYTES } from './scan-in-wasm.ts';

/** Why a text is not read at all. */
export type ScanProblem = 'too_deep' | 'too_many_values';

export interface JsonScan {
  /** Undefined when the text may be parsed; that it is JSON is not said. */
  readonly problem: ScanProblem | undefined;
  /** How many keys its objects have, repeated ones included. */
  readonly keyCount: number;
  /** Where in the text the insides of long strings lie that are values: from, to, from, to, … in bytes. */
  readonly longInsides: readonly number[];
}

const wasm = createWasmScan();

/** A text that lies here, from the beginning on, is looked over where it lies; any other is copied here before. */
export const SCAN_WINDOW: Buffer = wasm?.window ?? Buffer.allocUnsafeSlow(WINDOW_BYTES);

/** Looks over a JSON text, UTF-8, before it is parsed. Time is linear in the text. */
export function scanJson(json: Buffer): JsonScan {
  return wasm?.scan(json) ?? scanInJavaScript(json);
}

/**
 * How many keys the objects have that became of a JSON text: fewer than were in the text when an object had the same key twice, in
 * whatever spelling. That is a problem because parsers disagree on which of the two counts: one could be shown to the guard and the
 * other to the app-server.
 */
export function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const each of value) count += countKeys(each);
    return count;
  }
  // Half the time of `Object.keys`: what JSON.parse makes inherits no key.
  for (const key in value) count += 1 + countKeys((value as JsonObject)[key]);
  return count;
}
