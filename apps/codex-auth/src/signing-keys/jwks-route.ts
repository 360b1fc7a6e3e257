import { Router } from 'express';
import type { KeyProvider } from './key-provider.ts';

/** Where clients look: RFC 8414 metadata names the first, the rest are what Codex CLI versions ask (docs/protocol.md). */
const JWKS_PATHS = [
  '/.well-known/jwks.json',
  '/agent-identities/jwks',
  '/api/codex/agent-identities/jwks',
  '/backend-api/wham/agent-identities/jwks',
];

const LONGEST_MAX_AGE_SECONDS = 300;

/**
 * The public keys of this issuer (RFC 7517 §5), the same on every path. A verifier may keep them for half of the time that a
 * key is published before it signs, and for five minutes at most: so it has a new key before it needs it.
 */
export function jwksRoutes({
  keys,
  activationDelaySeconds,
}: {
  keys: Pick<KeyProvider, 'jwks'>;
  activationDelaySeconds: number;
}): Router {
  const maxAgeSeconds = Math.min(LONGEST_MAX_AGE_SECONDS, Math.floor(activationDelaySeconds / 2));
  const router = Router();
  router.get(JWKS_PATHS, (_req, res) => {
    res
      .set('Cache-Control', `public, max-age=${maxAgeSeconds}`)
      .set('Access-Control-Allow-Origin', '*')
      .type('application/jwk-set+json')
      .send(JSON.stringify(keys.jwks()));
  });
  return router;
}
