import { isIP } from 'node:net';
import { requestIdOf } from '@codex-gateways/service';
import type { Request } from 'express';

/** Where a request came from, as the audit trail keeps it. */
export interface RequestOrigin {
  readonly ip: string | undefined;
  readonly requestId: string;
}

export function requestOrigin(req: Request): RequestOrigin {
  return { ip: plainAddress(req.ip), requestId: requestIdOf(req) };
}

// PostgreSQL's inet knows neither zones nor, usefully, IPv4 written as IPv6.
function plainAddress(address: string | undefined): string | undefined {
  const plain = address?.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '') ?? '';
  return isIP(plain) === 0 ? undefined : plain;
}
