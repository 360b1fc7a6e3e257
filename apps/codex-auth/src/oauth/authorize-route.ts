import { type Request, type RequestHandler, type Response, Router } from 'express';
import { CSRF_FIELD, type CsrfGuard } from '../accounts/csrf.ts';
import { formField } from '../accounts/form-body.ts';
import type { SessionResolver } from '../accounts/session-resolver.ts';
import type { SignInUrl } from '../accounts/sign-in-url.ts';
import { requestOrigin } from '../audit/request-origin.ts';
import type { Pages } from '../pages/pages.ts';
import type { Authorization } from './authorization.ts';
import {
  type AuthorizationRequest,
  type AuthorizationTarget,
  parseAuthorizationRequest,
  parseTarget,
} from './authorization-request.ts';
import type { Clients } from './clients.ts';
import { consentPage } from './consent-page.ts';
import { OAuthError } from './oauth-error.ts';

export interface AuthorizeRouteDeps {
  readonly pages: Pages;
  readonly csrf: CsrfGuard;
  readonly clients: Pick<Clients, 'find'>;
  readonly sessions: SessionResolver;
  readonly authorization: Pick<Authorization, 'nextStep' | 'agree' | 'issueCode'>;
  readonly issuer: string;
  readonly signInUrl: SignInUrl;
  readonly formBody: RequestHandler;
}

/** `GET` and `POST /oauth/authorize` (RFC 6749 §3.1), and `POST /oauth/consent`, where its consent page posts to. */
export function authorizeRoutes(deps: AuthorizeRouteDeps): Router {
  const router = Router();
  router.get('/oauth/authorize', (req, res) => {
    const query = new URL(req.originalUrl, 'http://here.invalid').searchParams;
    return withTarget(query, { res, deps }, async (target) => {
      const request = parseAuthorizationRequest(query, target);
      await proceed(request, { req, res, query, deps });
    });
  });
  // OpenID Connect Core §3.1.2.1 has a form as well; a cookie of SameSite=Lax comes with the request that follows.
  router.post('/oauth/authorize', deps.formBody, (req, res) => {
    res.redirect(303, `${deps.pages.basePath}/oauth/authorize?${formQuery(req.body)}`);
  });
  router.post('/oauth/consent', deps.formBody, (req, res) => decideConsent(req, res, deps));
  return router;
}

async function proceed(
  request: AuthorizationRequest,
  { req, res, query, deps }: { req: Request; res: Response; query: URLSearchParams; deps: AuthorizeRouteDeps },
): Promise<void> {
  const { pages, csrf, sessions, authorization, issuer, signInUrl } = deps;
  const step = await authorization.nextStep(request, await sessions.resolve(req.headers.cookie));
  if (step.kind === 'sign_in') {
    const { fresh } = step;
    res.redirect(302, signInUrl(returnPath(query, fresh), { fresh, loginHint: request.loginHint }));
  } else if (step.kind === 'ask_consent') {
    const csrfToken = csrf.fieldFor(req, res);
    const shown = { basePath: pages.basePath, csrfToken, email: step.user.email, query: query.toString() };
    pages.send(res, consentPage(request, shown));
  } else {
    const code = await authorization.issueCode(request, step.user, requestOrigin(req));
    answer(res, request, { code }, issuer);
  }
}

async function decideConsent(req: Request, res: Response, deps: AuthorizeRouteDeps): Promise<void> {
  const { csrf, sessions, authorization, issuer, signInUrl } = deps;
  csrf.check(req, formField(req, CSRF_FIELD));
  const query = new URLSearchParams(formField(req, 'request') ?? '');
  await withTarget(query, { res, deps }, async (target) => {
    const request = parseAuthorizationRequest(query, target);
    const user = await sessions.resolve(req.headers.cookie);
    if (!user) {
      res.redirect(303, signInUrl(returnPath(query, false)));
      return;
    }
    if (formField(req, 'decision') !== 'approve') throw new OAuthError('access_denied', 'the person said no');
    const origin = requestOrigin(req);
    await authorization.agree(request, user, origin);
    answer(res, request, { code: await authorization.issueCode(request, user, origin) }, issuer);
  });
}

/** Everything after the target is known goes back to the client, refusals too; our own faults do not. */
async function withTarget(
  query: URLSearchParams,
  { res, deps }: { res: Response; deps: AuthorizeRouteDeps },
  go: (target: AuthorizationTarget) => Promise<void>,
): Promise<void> {
  const target = await parseTarget(query, deps.clients);
  try {
    await go(target);
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    res.locals.refusal = `${error.code}: ${error.message}`;
    answer(res, target, { error: error.code, error_description: error.description }, deps.issuer);
  }
}

/** Redirects to the client, with `state` and `iss` (RFC 6749 §4.1.2, RFC 9207 §2). */
function answer(
  res: Response,
  { redirectUri, state }: AuthorizationTarget,
  parameters: Readonly<Record<string, string>>,
  issuer: string,
): void {
  const url = new URL(redirectUri);
  const all = { ...parameters, ...(state === undefined ? {} : { state }), iss: issuer };
  for (const [name, value] of Object.entries(all)) url.searchParams.append(name, value);
  const status = res.req.method === 'POST' ? 303 : 302;
  res.set('Cache-Control', 'no-store').set('Referrer-Policy', 'no-referrer').redirect(status, url.href);
}

// The request comes back after signing in, without what asked for just that: otherwise it would ask again for ever.
function returnPath(query: URLSearchParams, fresh: boolean): string {
  const again = new URLSearchParams(query);
  if (fresh) {
    again.delete('prompt');
    again.delete('max_age');
    if (query.get('prompt')?.split(' ').includes('consent')) again.set('prompt', 'consent');
  }
  return `/oauth/authorize?${again}`;
}

// A parameter sent twice stays so, and is refused where it is read.
function formQuery(body: unknown): URLSearchParams {
  const entries = Object.entries((body ?? {}) as Record<string, string | string[]>);
  return new URLSearchParams(
    entries.flatMap(([name, value]) => [value].flat().map((each): [string, string] => [name, each])),
  );
}
