/**
 * WebSocket close codes of both gateways: those of RFC 6455 §7.4.1 that we send, and our own from the private range
 * 4000–4999. `retry` is what a client should do; the Codex CLI treats all alike (docs/protocol.md).
 */
export const CLOSE_CODES = {
  normal: { code: 1000, retry: 'no' },
  goingAway: { code: 1001, retry: 'yes' },
  unsupportedData: { code: 1003, retry: 'no' },
  policyViolation: { code: 1008, retry: 'no' },
  messageTooBig: { code: 1009, retry: 'no' },
  internalError: { code: 1011, retry: 'yes' },
  tryAgainLater: { code: 1013, retry: 'yes' },
  unauthorized: { code: 4401, retry: 'after-reauth' },
  turnRevoked: { code: 4403, retry: 'no' },
  peerGone: { code: 4404, retry: 'yes' },
  pingTimeout: { code: 4408, retry: 'yes' },
  replaced: { code: 4409, retry: 'no' },
  bufferFull: { code: 4429, retry: 'yes' },
} as const;

export type CloseCodeName = keyof typeof CLOSE_CODES;

/** The longest reason that fits a close frame, in UTF-8 bytes (RFC 6455 §5.5). */
export const MAX_CLOSE_REASON_BYTES = 123;

/** Cuts a reason to what a close frame can carry, between characters. */
export function closeReason(text: string): string {
  let reason = text;
  while (Buffer.byteLength(reason) > MAX_CLOSE_REASON_BYTES) reason = [...reason].slice(0, -1).join('');
  return reason;
}
