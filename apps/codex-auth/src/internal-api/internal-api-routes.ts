import { codeErrorForm, errorMiddleware, type Logger, requireInternalSecret } from '@codex-gateways/service';
import express, { Router } from 'express';
import { databaseUnavailable } from '../database-unavailable.ts';
import { otherMethods } from '../other-methods.ts';
import type { RemoteTokenVerification } from '../remote-tokens/remote-token-verification.ts';
import type { ExecutorCredentials } from './executor-credentials.ts';
import { validateRoute } from './validate-route.ts';
import { verifyTokenRoute } from './verify-token-route.ts';

export interface InternalApiDeps {
  /** What the gateways present in `X-Internal-Secret`. */
  readonly internalApiSecret: string;
  readonly credentials: Pick<ExecutorCredentials, 'validate'>;
  readonly verification: Pick<RemoteTokenVerification, 'verify'>;
  readonly log: Logger;
}

const MAX_BODY_BYTES = 32_768;

/** What the gateways ask; errors are `{"error":"<code>"}`. */
export function internalApiRoutes({ internalApiSecret, credentials, verification, log }: InternalApiDeps): Router {
  const router = Router();
  // The secret comes first: whoever lacks it does not get a body read.
  const guards = [requireInternalSecret(internalApiSecret), express.json({ limit: MAX_BODY_BYTES })];
  router.post('/internal/codex-auth/validate', guards, validateRoute({ credentials }));
  router.post('/api/internal/codex/tokens/verify', guards, verifyTokenRoute({ verification }));
  router.use(otherMethods([router]));
  router.use(['/internal', '/api/internal'], databaseUnavailable(), errorMiddleware({ form: codeErrorForm, log }));
  return router;
}
