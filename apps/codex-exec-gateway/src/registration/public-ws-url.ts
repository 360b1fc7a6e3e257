import type { IncomingHttpHeaders } from 'node:http';
import { HttpError } from '@codex-gateways/service';
import type { Request } from 'express';

// With underscores, which names of containers have.
const HOST = /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[\w.-]{0,251}[A-Za-z0-9])?)(:\d{1,5})?$/;

/**
 * The ws(s) address under which the caller reaches this service: the configured one, or else the host that the caller used and the
 * scheme that its proxy reports. Undefined when the Host header is none.
 */
export function publicWsUrl(headers: IncomingHttpHeaders, configured: string | undefined): string | undefined {
  if (configured !== undefined) return configured;
  const { host } = headers;
  if (!host || !HOST.test(host)) return undefined;
  const forwarded = headers['x-forwarded-proto'];
  const proto = (Array.isArray(forwarded) ? forwarded[0] : forwarded)?.split(',')[0]?.trim().toLowerCase();
  return `${proto === 'https' || proto === 'wss' ? 'wss' : 'ws'}://${host}`;
}

/** @throws {HttpError} 400 when neither the configuration nor the request says where this service is */
export function requiredWsUrl(req: Request, configured: string | undefined): string {
  const url = publicWsUrl(req.headers, configured);
  if (url === undefined) throw new HttpError(400, 'invalid_request', 'the Host header is missing or malformed');
  return url;
}
