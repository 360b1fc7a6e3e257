import { ALLOWED_METHODS, ALLOWED_NOTIFICATIONS } from './allowed-methods.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import { countKeys, type JsonScan, type ScanProblem, scanJson } from './json-scan.ts';
import { ENVELOPE, keepKnown } from './known-members.ts';
import { PASSED, type ParameterFate, type ParameterPlan, planOf } from './parameter-plan.ts';
import type { GuardContext } from './parameter-rules.ts';
import { REFUSED_METHODS } from './refused-methods.ts';
import { scanInJavaScript } from './scan-in-javascript.ts';

/** JSON-RPC 2.0 §5.1. */
const ERROR_CODES = { parse: -32700, request: -32600, method: -32601, parameter: -32602 } as const;

/** Why a message was not let through. */
export type Refusal = keyof typeof ERROR_CODES;

export type Verdict =
  /** `text` when the message was changed: parameters that this gateway does not know were left out. */
  | { readonly kind: 'forward'; readonly text?: string }
  /** Refused; `text` is the answer. `method` is one of a fixed set of names. */
  | { readonly kind: 'answer'; readonly text: string; readonly method: string; readonly why: Refusal }
  /** Refused, and JSON-RPC has no answer to a notification. */
  | { readonly kind: 'drop'; readonly method: string; readonly why: Refusal };

/** Decides about each message of one client. */
export interface Guard {
  /** @param frame - one text frame, UTF-8, which holds one JSON object; it is only read */
  inspect(frame: Buffer): Verdict;
}

type RequestId = string | number;

interface Request {
  readonly id: RequestId;
  readonly method: string;
}

/** It may pass once what nobody here knows is left out. */
interface PassesInPart {
  readonly kind: 'forward_known';
  readonly request: Request;
  readonly plan: ParameterPlan;
}

type Judgement = Verdict | PassesInPart;

// Names that nobody knows are counted as one, or a client could make endless series.
const UNKNOWN_METHOD = 'unknown';
const QUOTED_LENGTH = 100;
/** NUL, as JSON spells it. */
const LEFT_OUT = '\\u0000';
const SCAN_WORDS: Readonly<Record<ScanProblem, string>> = {
  too_deep: 'the message is nested too deeply',
  too_many_values: 'the message has too many values',
};

export function createGuard(context: GuardContext): Guard {
  return { inspect: (frame) => inspect(frame, context) };
}

/** Most frames pass, so they are judged without the insides of their long strings; what does not pass as it is, is judged in full. */
function inspect(frame: Buffer, context: GuardContext): Verdict {
  const scan = scanJson(frame);
  if (scan.problem) return refuse('request', SCAN_WORDS[scan.problem]);
  if (scan.longInsides.length > 0) {
    const abridged = judge(abridge(frame, scan), scan, context);
    if (abridged.kind === 'forward') return abridged;
  }
  const judgement = judge(frame.toString('utf8'), scan, context);
  return judgement.kind === 'forward_known' ? forwardKnown(frame, judgement, context) : judgement;
}

/**
 * What nobody here knows is left out, so that the app-server never hears of it, under this name or an alias. What is left is judged
 * once more, as it is going to be sent: whatever might be wrong with the cut, nothing passes that was not let through as it is.
 */
function forwardKnown(frame: Buffer, { request, plan }: PassesInPart, context: GuardContext): Verdict {
  const known = keepKnown(frame, plan);
  const text = known.toString('utf8');
  // The other scanner would copy this over the frame, which is not read only by this guard.
  const { kind } = judge(text, scanInJavaScript(known), context);
  if (kind === 'forward') return { kind, text };
  return refuseCall('parameter', request, 'what is not known here could not be told from the rest');
}

/**
 * The text with the beginnings of long strings in their place. No rule accepts a value by its beginning and refuses it by its end: the
 * ones that look at a whole value accept none with the character that stands for what is missing.
 */
function abridge(frame: Buffer, { longInsides }: JsonScan): string {
  let text = '';
  let start = 0;
  for (let index = 0; index < longInsides.length; index += 2) {
    text += `${frame.toString('utf8', start, longInsides[index])}${LEFT_OUT}`;
    start = longInsides[index + 1] as number;
  }
  return text + frame.toString('utf8', start);
}

function judge(text: string, { keyCount }: JsonScan, context: GuardContext): Judgement {
  const message = parse(text);
  if (message === undefined) return refuse('parse', 'the message is not JSON');
  if (countKeys(message) !== keyCount) return refuse('request', 'an object has the same key twice');
  if (Array.isArray(message)) return refuse('request', 'batches are not available through this gateway');
  if (!isJsonObject(message)) return refuse('request', 'a message is a JSON object');
  const id = requestIdOf(message);
  if (!Object.hasOwn(message, 'method')) return inspectResponse(message, id);
  const { method } = message;
  if (typeof method !== 'string') return refuse('request', 'a method is a text', id);
  if (!Object.hasOwn(message, 'id')) return inspectNotification(method);
  if (id === undefined) return refuse('request', 'an id is a text or a whole number');
  return inspectRequest(message, { id, method }, context);
}

function inspectResponse(message: JsonObject, id: RequestId | undefined): Verdict {
  const isResponse = id !== undefined && (Object.hasOwn(message, 'result') || Object.hasOwn(message, 'error'));
  return isResponse ? { kind: 'forward' } : refuse('request', 'this is neither a request nor an answer', id);
}

function inspectNotification(method: string): Verdict {
  if (ALLOWED_NOTIFICATIONS.has(method)) return { kind: 'forward' };
  return { kind: 'drop', method: labelOf(method), why: 'method' };
}

function inspectRequest(message: JsonObject, request: Request, context: GuardContext): Judgement {
  const plan = planOf(request.method);
  if (!plan) {
    const why = REFUSED_METHODS.get(request.method) ?? 'it is not known here';
    return refuseCall('method', request, why);
  }
  const { params = null } = message;
  if (params !== null && !isJsonObject(params)) return refuseCall('parameter', request, 'its parameters are an object');
  let isKnown = hasOnly(message, ENVELOPE);
  if (params) {
    for (const name of Object.keys(params)) {
      const fate = plan.get(name);
      const problem = fate && fate !== PASSED ? parameterProblem(params[name], fate, context) : undefined;
      if (problem) return refuseCall('parameter', request, `the parameter ${name} is refused: ${problem}`);
      if (!fate) isKnown = false;
    }
  }
  return isKnown ? { kind: 'forward' } : { kind: 'forward_known', request, plan };
}

function parameterProblem(value: unknown, { rule, refusal }: ParameterFate, context: GuardContext): string | undefined {
  if (value === null) return undefined;
  if (refusal !== undefined && !isEmpty(value)) return refusal;
  return rule?.(value, context);
}

/** Clients spell out what they leave empty. */
function isEmpty(value: unknown): boolean {
  return value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

function hasOnly(object: JsonObject, names: ReadonlySet<string>): boolean {
  for (const key of Object.keys(object)) if (!names.has(key)) return false;
  return true;
}

function refuseCall(why: Refusal, { id, method }: Request, reason: string): Verdict {
  const quoted = method.length > QUOTED_LENGTH ? `${method.slice(0, QUOTED_LENGTH)}…` : method;
  const message =
    why === 'method'
      ? `${quoted} is not available through this gateway: ${reason}`
      : `${quoted} was not passed on by this gateway: ${reason}`;
  return { kind: 'answer', text: errorText(why, id, message), method: labelOf(method), why };
}

/** Of a message that could not be read as one; with the id when that much could be read. */
function refuse(why: Refusal, message: string, id: RequestId | null = null): Verdict {
  return { kind: 'answer', text: errorText(why, id, message), method: 'none', why };
}

function errorText(why: Refusal, id: RequestId | null, message: string): string {
  return JSON.stringify({ id, error: { code: ERROR_CODES[why], message } });
}

function labelOf(method: string): string {
  return ALLOWED_METHODS.has(method) || REFUSED_METHODS.has(method) ? method : UNKNOWN_METHOD;
}

/** Ids beyond 2^53 would come back as another number. */
function requestIdOf({ id }: JsonObject): RequestId | undefined {
  return typeof id === 'string' || Number.isSafeInteger(id) ? (id as RequestId) : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
