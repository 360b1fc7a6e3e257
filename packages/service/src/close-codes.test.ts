import { CLOSE_CODES, closeReason, MAX_CLOSE_REASON_BYTES } from './close-codes.ts';

describe('WebSocket close codes', () => {
  it('are of RFC 6455 or of the private range, each once', () => {
    const codes = Object.values(CLOSE_CODES).map(({ code }) => code as number);
    expect(new Set(codes).size).toBe(codes.length);
    for (const code of codes) expect((code >= 1000 && code <= 1013) || (code >= 4000 && code <= 4999)).toBe(true);
  });
  it('have reasons that fit a close frame, cut between characters', () => {
    expect(closeReason('short')).toBe('short');
    expect(closeReason('x'.repeat(200))).toHaveLength(MAX_CLOSE_REASON_BYTES);
    expect(Buffer.byteLength(closeReason('é'.repeat(100)))).toBe(122);
  });
});
