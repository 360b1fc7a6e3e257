import { formatTraceparent, newTraceContext, parseTraceparent } from './trace-context.ts';

// The example of W3C Trace Context §3.2.
const EXAMPLE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

describe('traceparent', () => {
  it('is read and written as W3C Trace Context has it', () => {
    const context = { traceId: TRACE_ID, spanId: 'b7ad6b7169203331', isSampled: true };
    expect(parseTraceparent(EXAMPLE)).toEqual(context);
    expect(formatTraceparent(context)).toBe(EXAMPLE);
    expect(formatTraceparent({ ...context, isSampled: false })).toBe(`${EXAMPLE.slice(0, -1)}0`);
  });
  it('of a later version is read as far as it is known', () => {
    expect(parseTraceparent(`cc${EXAMPLE.slice(2)}-what-the-future-brings`)?.traceId).toBe(TRACE_ID);
  });
  it.each([
    undefined,
    null,
    '',
    'garbage',
    [EXAMPLE],
    `${EXAMPLE}-more`,
    `ff${EXAMPLE.slice(2)}`,
    EXAMPLE.toUpperCase(),
    EXAMPLE.replace(TRACE_ID, '0'.repeat(32)),
    EXAMPLE.replace('b7ad6b7169203331', '0'.repeat(16)),
    ` ${EXAMPLE}`,
    `cc${EXAMPLE.slice(2)}-${'x'.repeat(100)}`,
  ])('%j is none', (value) => {
    expect(parseTraceparent(value)).toBeUndefined();
  });
  it('begins anew, unrecorded', () => {
    const context = newTraceContext();
    expect(parseTraceparent(formatTraceparent(context))).toEqual(context);
    expect(context.isSampled).toBe(false);
    expect(newTraceContext().traceId).not.toBe(context.traceId);
  });
});
