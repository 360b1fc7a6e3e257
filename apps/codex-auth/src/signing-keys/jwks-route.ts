import { Router } from 'express';
import type { KeyProvider } from './key-provider.ts';

/** RFC 8414 metadata names it. */
const WELL_KNOWN = '/.well-known/jwks.json';

/** What Codex CLI versions ask (docs/protocol.md). */
const CLI_PATHS = [
  '/agent-identities/jwks',
  '/api/codex/agent-identities/jwks',
  '/backend-api/wham/agent-identities/jwks',
];

const LONGEST_MAX_AGE_SECONDS = 300;

/**
 * The public keys of this issuer (RFC 7517 §5), the same on every path. A verifier may keep them for half of the time that a
 * key is published before it signs, and for five minutes at most: so it has a new key before it needs it. The path of an issuer
 * that has one may follow the well-known name, as with the metadata (RFC 8414 §3.1).
 */
export function jwksRoutes({
  keys,
  activationDelaySeconds,
  issuer,
}: {
  keys: Pick<KeyProvider, 'jwks'>;
  activationDelaySeconds: number;
  issuer: string;
}): Router {
  const maxAgeSeconds = Math.min(LONGEST_MAX_AGE_SECONDS, Math.floor(activationDelaySeconds / 2));
  const router = Router();
  const issuerPath = new URL(issuer).pathname.replace(/\/+$/, '');
  router.get([...new Set([WELL_KNOWN, WELL_KNOWN + issuerPath]), ...CLI_PATHS], (_req, res) => {
    res
      .set('Cache-Control', `public, max-age=${maxAgeSeconds}`)
      .set('Access-Control-Allow-Origin', '*')
      .type('application/jwk-set+json')
      .send(JSON.stringify(keys.jwks()));
  });
  return router;
}
