import { randomUUID } from 'node:crypto';

/** Where a request is in a trace (W3C Trace Context, level 1). */
export interface TraceContext {
  /** 32 hex digits, the same in every service. */
  readonly traceId: string;
  /** 16 hex digits: the span that calls. */
  readonly spanId: string;
  readonly isSampled: boolean;
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const LONGEST_TRACEPARENT = 128;

/** The context of a `traceparent` header (W3C Trace Context §3.2); undefined when it is missing or malformed. */
export function parseTraceparent(value: string | readonly string[] | null | undefined): TraceContext | undefined {
  if (typeof value !== 'string' || value.length > LONGEST_TRACEPARENT) return undefined;
  const [, traceId, spanId, flags] = TRACEPARENT.exec(value) ?? [];
  if (!traceId || !spanId || !flags) return undefined;
  // Version 00 has four fields and no more.
  if (value.startsWith('00-') && value.length !== 55) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** The header of version 00. */
export function formatTraceparent({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`;
}

/** A trace that begins here and that nobody records. From UUIDs, whose randomness Node.js fetches for many at once. */
export function newTraceContext(): TraceContext {
  return { traceId: hexDigits(), spanId: hexDigits().slice(-16), isSampled: false };
}

function hexDigits(): string {
  return randomUUID().replaceAll('-', '');
}
