import { endianness } from 'node:os';
import type { JsonScan } from './json-scan.ts';
import { JSON_SCANNER_BASE64 } from './json-scanner-bytes.ts';
import { endOfBeginning, isKey, LONG_BYTES } from './long-strings.ts';

// As json-scanner.wat lays out its memory: words of results, then the window.
const WORDS = { problem: 0, keyCount: 1, openString: 2, longStringCount: 3, longStrings: 4 } as const;
const WINDOW_START = 1024;
export const WINDOW_BYTES = 65_536;
const PROBLEMS = [undefined, 'too_deep', 'too_many_values'] as const;
const NOT_JUDGED = 3;

interface Scanner {
  readonly memory: { readonly buffer: ArrayBuffer };
  begin(): void;
  scan(length: number): void;
}

export interface WasmScan {
  /** Where a text of up to its length may lie already. */
  readonly window: Buffer;
  /** @returns what the text is like; undefined for a text that only the other scanner judges, which is no JSON */
  scan(json: Buffer): JsonScan | undefined;
}

/**
 * `scanJson` in WebAssembly, several times as fast. It needs 128 KiB of memory, whatever the length of a text.
 * @returns undefined where there is no WebAssembly, or none with vectors
 */
export function createWasmScan(): WasmScan | undefined {
  const scanner = instantiate();
  if (!scanner) return undefined;
  const window = Buffer.from(scanner.memory.buffer, WINDOW_START, WINDOW_BYTES);
  const words = new Int32Array(scanner.memory.buffer, 0, WINDOW_START / 4);
  const isInPlace = (json: Buffer) => json.buffer === window.buffer && json.byteOffset === window.byteOffset;
  const scan = (json: Buffer) => {
    const longInsides: number[] = [];
    scanner.begin();
    let offset = 0;
    do {
      const end = Math.min(json.length, offset + WINDOW_BYTES);
      if (!isInPlace(json)) window.set(end - offset === json.length ? json : json.subarray(offset, end));
      scanner.scan(end - offset);
      addLongStrings(json, words, longInsides);
      offset = end;
    } while (offset < json.length && words[WORDS.problem] === 0);
    const problem = words[WORDS.problem] as number;
    if (problem === NOT_JUDGED) return undefined;
    const openString = words[WORDS.openString] as number;
    if (openString >= 0) addIfLongValue(json, { start: openString, end: json.length }, longInsides);
    return { problem: PROBLEMS[problem], keyCount: words[WORDS.keyCount] as number, longInsides };
  };
  return { window, scan };
}

function addLongStrings(json: Buffer, words: Int32Array, longInsides: number[]): void {
  const end = WORDS.longStrings + 2 * (words[WORDS.longStringCount] as number);
  for (let word = WORDS.longStrings; word < end; word += 2) {
    addIfLongValue(json, { start: words[word] as number, end: words[word + 1] as number }, longInsides);
  }
}

/** @param string.start - its opening quotation mark @param string.end - behind its closing one */
function addIfLongValue(json: Buffer, { start, end }: { start: number; end: number }, longInsides: number[]): void {
  if (end - start >= LONG_BYTES && !isKey(json, end)) longInsides.push(endOfBeginning(json, start + 1), end - 1);
}

/** What is used of it: the types of Node.js leave it to those of browsers. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

function instantiate(): Scanner | undefined {
  const { WebAssembly: api } = globalThis as { readonly WebAssembly?: WebAssemblyApi };
  if (!api || endianness() !== 'LE') return undefined; // the memory of WebAssembly is little-endian everywhere
  try {
    const module = new api.Module(Buffer.from(JSON_SCANNER_BASE64, 'base64'));
    return new api.Instance(module).exports as Scanner;
  } catch {
    return undefined;
  }
}
