import {
  codeErrorForm,
  errorMiddleware,
  type HotRoute,
  type Logger,
  requireInternalSecret,
} from '@codex-gateways/service';
import express, { Router } from 'express';
import type { ActiveUsers } from '../accounts/active-users.ts';
import { databaseUnavailable } from '../database-unavailable.ts';
import { otherMethods } from '../other-methods.ts';
import type { RemoteSessions } from '../remote-sessions/remote-sessions.ts';
import type { RemoteTokenVerification } from '../remote-tokens/remote-token-verification.ts';
import type { RevocationNotices } from '../revocation-notices/revocation-notices.ts';
import { activeUsersAnswer } from './active-users-route.ts';
import type { ExecutorCredentials } from './executor-credentials.ts';
import { type InternalEndpoints, internalHotRoutes, internalRoutes } from './internal-answer.ts';
import { reportSessionsRoute } from './report-sessions-route.ts';
import { revocationsRoute } from './revocations-route.ts';
import { validateAnswer } from './validate-route.ts';
import { verifyTokenAnswer } from './verify-token-route.ts';

export interface InternalApiDeps {
  /** What the gateways present in `X-Internal-Secret`. */
  readonly internalApiSecret: string;
  readonly credentials: Pick<ExecutorCredentials, 'validate'>;
  readonly verification: Pick<RemoteTokenVerification, 'verify'>;
  readonly activeUsers: Pick<ActiveUsers, 'among'>;
  readonly notices: Pick<RevocationNotices, 'subscribe' | 'subscriberCount'>;
  readonly remoteSessions: Pick<RemoteSessions, 'report'>;
  readonly log: Logger;
}

const MAX_BODY_BYTES = 32_768;
// A thousand ids.
const MAX_USERS_BYTES = 262_144;
// Two hundred sessions, with everything that clients say of themselves.
const MAX_REPORT_BYTES = 524_288;

/** What the gateways ask; errors are `{"error":"<code>"}`. What they ask all the time is answered before Express too. */
export function internalApi(deps: InternalApiDeps): { routes: Router; hotRoutes: readonly HotRoute[] } {
  const { internalApiSecret, credentials, verification, activeUsers } = deps;
  const asked: InternalEndpoints = {
    answers: {
      '/internal/codex-auth/validate': validateAnswer({ credentials }),
      '/api/internal/codex/tokens/verify': verifyTokenAnswer({ verification }),
    },
    internalApiSecret,
    maxBodyBytes: MAX_BODY_BYTES,
  };
  const askedAtTimes: InternalEndpoints = {
    answers: { '/internal/codex-auth/users/active': activeUsersAnswer({ activeUsers }) },
    internalApiSecret,
    maxBodyBytes: MAX_USERS_BYTES,
  };
  return { routes: internalApiRoutes([asked, askedAtTimes], deps), hotRoutes: internalHotRoutes(asked) };
}

function internalApiRoutes(endpoints: readonly InternalEndpoints[], deps: InternalApiDeps): Router {
  const { internalApiSecret, log } = deps;
  const router = Router();
  for (const each of endpoints) internalRoutes(router, each);
  const withSecret = requireInternalSecret(internalApiSecret);
  router.get('/internal/codex-auth/revocations', withSecret, revocationsRoute(deps));
  const report = express.json({ limit: MAX_REPORT_BYTES });
  router.post('/internal/codex-auth/remote-sessions', withSecret, report, reportSessionsRoute(deps));
  router.use(otherMethods([router]));
  router.use(['/internal', '/api/internal'], databaseUnavailable(), errorMiddleware({ form: codeErrorForm, log }));
  return router;
}
