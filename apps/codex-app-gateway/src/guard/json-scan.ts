/** Inside an object: the keys so far. Inside an array: undefined. */
type Scope = Set<string> | undefined;

/** Why a text is not read at all. */
export type ScanProblem = 'duplicate_key' | 'too_deep' | 'too_many_values';

// The app-server's own parser gives up at this depth.
const MAX_DEPTH = 128;
// Parsed, a value takes some fifty times the room of its text: this bounds what one frame can make of itself. Large frames of
// honest clients are large because of one long string.
const MAX_VALUES = 500_000;

// What matters outside of strings; numbers, literals and colons are passed over.
const STRUCTURE = /["[\]{},]/g;
const COLON = /[ \t\n\r]*:/y;

/**
 * Looks over a JSON text before it is parsed. An object with the same key twice is a problem because parsers disagree on
 * which of the two counts: one could be shown to the guard and the other to the app-server. Time is linear in the text.
 * @returns undefined when the text may be parsed; that it is JSON is not said
 */
export function scanJson(json: string): ScanProblem | undefined {
  const scopes: Scope[] = [];
  let values = 0;
  STRUCTURE.lastIndex = 0;
  for (let match = STRUCTURE.exec(json); match; match = STRUCTURE.exec(json)) {
    const [token] = match;
    if (token === '"') {
      const end = endOfString(json, match.index);
      if (isKey(json, end) && isRepeated(json.slice(match.index, end), scopes.at(-1))) return 'duplicate_key';
      STRUCTURE.lastIndex = end;
    } else if (token === '}' || token === ']') {
      scopes.pop();
    } else {
      values += 1;
      if (values > MAX_VALUES) return 'too_many_values';
      if (token !== ',') scopes.push(token === '{' ? new Set() : undefined);
      if (scopes.length > MAX_DEPTH) return 'too_deep';
    }
  }
  return undefined;
}

/** The index behind the closing quotation mark. By hand: a regular expression exhausts the stack on long strings. */
function endOfString(json: string, start: number): number {
  let end = start;
  do {
    end = json.indexOf('"', end + 1);
  } while (end !== -1 && isEscaped(json, end));
  return end === -1 ? json.length : end + 1;
}

function isEscaped(json: string, index: number): boolean {
  let backslashes = 0;
  while (json.charCodeAt(index - 1 - backslashes) === 0x5c) backslashes += 1;
  return backslashes % 2 === 1;
}

function isKey(json: string, index: number): boolean {
  COLON.lastIndex = index;
  return COLON.test(json);
}

function isRepeated(token: string, scope: Scope): boolean {
  const key = keyOf(token);
  if (scope?.has(key)) return true;
  scope?.add(key);
  return false;
}

/** Two spellings of one key are the same key. */
function keyOf(token: string): string {
  if (!token.includes('\\')) return token;
  try {
    return JSON.stringify(JSON.parse(token));
  } catch {
    return token; // not JSON, which the parser will find
  }
}
