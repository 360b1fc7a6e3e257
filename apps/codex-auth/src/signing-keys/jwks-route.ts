import { Router } from 'express';
import type { KeyProvider } from './key-provider.ts';

/** Where clients look: RFC 8414 metadata names the first, the rest are what Codex CLI versions ask (docs/protocol.md). */
const JWKS_PATHS = [
  '/.well-known/jwks.json',
  '/agent-identities/jwks',
  '/api/codex/agent-identities/jwks',
  '/backend-api/wham/agent-identities/jwks',
];

/** How long a verifier may keep the keys; a new key is published for longer than this before it signs. */
const MAX_AGE_SECONDS = 300;

/** The public keys of this issuer (RFC 7517 §5), the same on every path. */
export function jwksRoutes({ keys }: { keys: Pick<KeyProvider, 'jwks'> }): Router {
  const router = Router();
  router.get(JWKS_PATHS, (_req, res) => {
    res
      .set('Cache-Control', `public, max-age=${MAX_AGE_SECONDS}`)
      .set('Access-Control-Allow-Origin', '*')
      .type('application/jwk-set+json')
      .send(JSON.stringify(keys.jwks()));
  });
  return router;
}
