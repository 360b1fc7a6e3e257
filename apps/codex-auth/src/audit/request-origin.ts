import { isIP } from 'node:net';
import { type HotRequest, requestIdOf } from '@codex-gateways/service';
import type { Request } from 'express';

const MAX_USER_AGENT_LENGTH = 256;

/** Where a request came from, as the audit trail keeps it. */
export interface RequestOrigin {
  readonly ip: string | undefined;
  readonly requestId: string;
  /** What the caller says that it is. */
  readonly userAgent?: string | undefined;
}

export function requestOrigin(req: Request): RequestOrigin {
  return hotRequestOrigin({ ip: req.ip, requestId: requestIdOf(req), headers: req.headers });
}

/** The same of a request that is answered before Express. */
export function hotRequestOrigin({
  ip,
  requestId,
  headers,
}: Pick<HotRequest, 'ip' | 'requestId' | 'headers'>): RequestOrigin {
  const userAgent = headers['user-agent']?.slice(0, MAX_USER_AGENT_LENGTH);
  return { ip: plainAddress(ip), requestId, userAgent };
}

/** Some proxies write the caller's port behind its address. */
const WITH_PORT = /^(?:(\d+\.\d+\.\d+\.\d+)|\[([^\]]+)\])(?::\d+)?$/;

// PostgreSQL's inet knows neither ports, zones nor, usefully, IPv4 written as IPv6.
function plainAddress(written: string | undefined): string | undefined {
  const [, v4, v6] = WITH_PORT.exec(written ?? '') ?? [];
  const address = v4 ?? v6 ?? written;
  const plain = address?.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '') ?? '';
  return isIP(plain) === 0 ? undefined : plain;
}
