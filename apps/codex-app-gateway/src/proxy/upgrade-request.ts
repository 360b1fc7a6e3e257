import type { IncomingMessage } from 'node:http';
import { HttpError, splitTarget } from '@codex-gateways/service';

/** What a request asks for, without its query. */
export function pathOf({ url = '' }: Pick<IncomingMessage, 'url'>): string {
  return splitTarget(url).path;
}

/**
 * Refuses what is not an upgrade for this service, before anybody is asked about its token.
 * @param allowedOrigins - browsers send `Origin` always and cannot send our bearer, so by default nobody with it may connect
 * @throws {HttpError} 404, 400, 403 or 426
 */
export function checkUpgradeRequest(
  req: IncomingMessage,
  { paths, allowedOrigins }: { paths: ReadonlySet<string>; allowedOrigins: readonly string[] },
): void {
  if (!paths.has(pathOf(req))) throw new HttpError(404, 'not_found', 'there is nothing at this path');
  if (req.method !== 'GET' || req.headers.upgrade?.toLowerCase() !== 'websocket') {
    throw new HttpError(400, 'invalid_request', 'this path takes WebSocket connections');
  }
  if (req.headers['sec-websocket-version'] !== '13') {
    throw new HttpError(426, 'upgrade_required', 'WebSocket version 13 is needed (RFC 6455)', {
      headers: { 'Sec-WebSocket-Version': '13' },
    });
  }
  if (!/^[+/0-9A-Za-z]{22}==$/.test(req.headers['sec-websocket-key'] ?? '')) {
    throw new HttpError(400, 'invalid_request', 'Sec-WebSocket-Key is missing or malformed');
  }
  const { origin } = req.headers;
  if (origin !== undefined && !allowedOrigins.includes(origin)) {
    throw new HttpError(403, 'origin_not_allowed', 'browsers may not connect here');
  }
}
