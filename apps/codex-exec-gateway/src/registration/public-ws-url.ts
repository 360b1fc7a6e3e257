import type { IncomingHttpHeaders } from 'node:http';

const HOST = /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)(:\d{1,5})?$/;

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
