import type { IncomingMessage } from 'node:http';
import { HttpError, splitTarget } from '@codex-gateways/service';
import { refuseHandshake } from '@codex-gateways/websocket';

/** What a request asks for, without its query and without a slash at its end, which makes no difference to HTTP requests either. */
export function pathOf({ url = '' }: Pick<IncomingMessage, 'url'>): string {
  const { path } = splitTarget(url);
  return /[^/]\/$/.test(path) ? path.slice(0, -1) : path;
}

/** @throws {HttpError} 400, 405 or 426 for what is not the opening handshake of a WebSocket (RFC 6455 §4.2.1) */
export function checkHandshake(req: IncomingMessage): void {
  const refusal = refuseHandshake(req);
  if (refusal) throw new HttpError(refusal.status, 'invalid_request', refusal.message, { headers: refusal.headers });
}

/**
 * Refuses what is not an upgrade for this service, before anybody is asked about its token.
 * @param allowedOrigins - browsers send `Origin` always and cannot send our bearer, so by default nobody with it may connect
 * @throws {HttpError} 404, 403, and as `checkHandshake`
 */
export function checkUpgradeRequest(
  req: IncomingMessage,
  { paths, allowedOrigins }: { paths: ReadonlySet<string>; allowedOrigins: readonly string[] },
): void {
  if (!paths.has(pathOf(req))) throw new HttpError(404, 'not_found', 'there is nothing at this path');
  checkHandshake(req);
  const { origin } = req.headers;
  if (origin !== undefined && !allowedOrigins.includes(origin)) {
    throw new HttpError(403, 'origin_not_allowed', 'browsers may not connect here');
  }
}
