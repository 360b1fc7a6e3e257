import { constantTimeEqual } from '@codex-gateways/crypto';
import { hmacBase64Url } from './hmac-token.ts';

export type WsTicketOutcome =
  | { readonly ok: true; readonly expiresAtSeconds: number }
  | { readonly ok: false; readonly reason: 'malformed' | 'bad_signature' | 'wrong_executor' | 'expired' };

const TICKET = /^([A-Za-z0-9_-]{1,128})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})$/;

/**
 * Mints the bearer of `/codex-exec/{exe_id}?token=…`:
 * `<exe_id>.<expiry_unix>.<base64url(HMAC-SHA256(secret, "<exe_id>.<expiry>"))>`.
 * @param expiresAtSeconds - epoch seconds
 */
export function mintWsTicket(exeId: string, expiresAtSeconds: number, secret: string): string {
  const signedText = `${exeId}.${expiresAtSeconds}`;
  return `${signedText}.${hmacBase64Url(secret, signedText)}`;
}

/** Verifies a ticket for one executor, signature first and in constant time. It is dead at its expiry exactly. */
export function verifyWsTicket(
  ticket: string,
  { exeId, secret, nowSeconds }: { exeId: string; secret: string; nowSeconds: number },
): WsTicketOutcome {
  const [, ticketExeId, expiry, signature] = TICKET.exec(ticket) ?? [];
  if (!ticketExeId || !expiry || !signature) return { ok: false, reason: 'malformed' };
  if (!constantTimeEqual(signature, hmacBase64Url(secret, `${ticketExeId}.${expiry}`))) {
    return { ok: false, reason: 'bad_signature' };
  }
  if (ticketExeId !== exeId) return { ok: false, reason: 'wrong_executor' };
  const expiresAtSeconds = Number(expiry);
  return expiresAtSeconds > nowSeconds ? { ok: true, expiresAtSeconds } : { ok: false, reason: 'expired' };
}
