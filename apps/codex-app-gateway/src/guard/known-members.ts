import { CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE } from './json-bytes.ts';
import type { ParameterPlan } from './parameter-plan.ts';
import { StringEnds } from './string-ends.ts';

/** What a message has at its top. */
export const ENVELOPE: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params', 'trace']);

const SPACES: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** Where one lies: its key begins at `start`, its value at `valueStart`, and `end` is behind it. */
interface Member {
  readonly name: string;
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}

/**
 * Leaves out what nobody here knows, at the top of a call and among its parameters. What stays is byte for byte what the client wrote:
 * parsed and written anew, numbers beyond 2^53 would be others.
 * @param json - one object, UTF-8, which was parsed and has no key twice
 * @returns a text in memory of its own
 */
export function keepKnown(json: Buffer, plan: ParameterPlan): Buffer {
  const top = membersOf(json, json.indexOf(OPEN_BRACE)).filter(({ name }) => ENVELOPE.has(name));
  return joined(
    top.map(({ name, start, valueStart, end }) => {
      if (name !== 'params' || json[valueStart] !== OPEN_BRACE) return json.subarray(start, end);
      const known = membersOf(json, valueStart).filter((parameter) => plan.has(parameter.name));
      const parameters = joined(known.map((parameter) => json.subarray(parameter.start, parameter.end)));
      return Buffer.concat([json.subarray(start, valueStart), parameters]);
    }),
  );
}

function joined(members: readonly Buffer[]): Buffer {
  const comma = Buffer.of(COMMA);
  const parts = members.flatMap((member, index) => (index === 0 ? [member] : [comma, member]));
  return Buffer.concat([Buffer.of(OPEN_BRACE), ...parts, Buffer.of(CLOSE_BRACE)]);
}

/** @param from - its opening brace */
function membersOf(json: Buffer, from: number): Member[] {
  const strings = new StringEnds(json);
  const members: Member[] = [];
  let index = from + 1;
  while (index < json.length && json[index] !== CLOSE_BRACE) {
    if (json[index] !== QUOTE) {
      index += 1; // a space, or the comma before a key
      continue;
    }
    const start = index;
    index = strings.after(start + 1);
    const name = JSON.parse(json.toString('utf8', start, index)) as string;
    while (json[index] === COLON || SPACES.has(json[index] as number)) index += 1;
    const valueStart = index;
    index = endOfValue(json, valueStart, strings);
    members.push({ name, start, valueStart, end: index });
  }
  return members;
}

/** Where the comma or the brace is that follows a value. */
function endOfValue(json: Buffer, from: number, strings: StringEnds): number {
  let depth = 0;
  let index = from;
  while (index < json.length) {
    const byte = json[index];
    if (byte === QUOTE) {
      index = strings.after(index + 1);
      continue;
    }
    if (depth === 0 && (byte === COMMA || byte === CLOSE_BRACE)) return index;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
    index += 1;
  }
  return index;
}
