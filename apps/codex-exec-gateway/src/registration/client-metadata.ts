import { isIP } from 'node:net';
import type { Request } from 'express';

/** What a caller shows of itself. */
export interface ClientMetadata {
  readonly ip: string | undefined;
  readonly userAgent: string | undefined;
  /** Most CLI versions send no user agent when they register (docs/protocol.md), so often undefined. */
  readonly codexVersion: string | undefined;
  readonly os: string | undefined;
}

const MAX_USER_AGENT_LENGTH = 256;
// `codex_cli_rs/0.150.0 (Debian 12.0.0; x86_64) …`
const CODEX_USER_AGENT = /\bcodex[a-z_-]*\/(\d+\.\d+\.\d+[0-9A-Za-z.-]{0,32})(?: \(([^()]{1,100})\))?/i;

/** @param req - of an app whose `trust proxy` says how far X-Forwarded-For may be believed */
export function clientMetadataOf(req: Request): ClientMetadata {
  const userAgent = req.headers['user-agent']?.slice(0, MAX_USER_AGENT_LENGTH);
  const [, codexVersion, os] = CODEX_USER_AGENT.exec(userAgent ?? '') ?? [];
  const ip = req.ip?.replace(/^::ffff:/, '');
  return { ip: ip && isIP(ip) ? ip : undefined, userAgent, codexVersion, os };
}
