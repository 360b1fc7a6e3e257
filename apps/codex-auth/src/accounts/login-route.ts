import { HttpError } from '@codex-gateways/service';
import { type RequestHandler, Router } from 'express';
import { requestOrigin } from '../audit/request-origin.ts';
import type { Pages } from '../pages/pages.ts';
import { CSRF_FIELD, type CsrfGuard } from './csrf.ts';
import { formField, queryField } from './form-body.ts';
import { loginPage, type UpstreamChoice, upstreamUrl } from './login-page.ts';
import { localReturnTo } from './return-to.ts';
import type { SessionResolver } from './session-resolver.ts';
import type { SignIn } from './sign-in.ts';

export interface LoginRouteDeps {
  readonly pages: Pages;
  readonly csrf: CsrfGuard;
  readonly sessions: SessionResolver;
  /** Undefined where nobody has a password of this server. */
  readonly signIn: Pick<SignIn, 'attempt'> | undefined;
  readonly upstreams: readonly UpstreamChoice[];
  readonly formBody: RequestHandler;
}

const REFUSED = 'The email or the password is not right, or there were too many attempts: then wait a while.';

/** `GET /login?return_to=&login_hint=&prompt=`, `POST /login`. */
export function loginRoutes(deps: LoginRouteDeps): Router {
  const router = Router();
  router.get('/login', showForm(deps));
  router.post('/login', deps.formBody, submitForm(deps));
  return router;
}

function showForm({ pages, csrf, sessions, signIn, upstreams }: LoginRouteDeps): RequestHandler {
  return async (req, res) => {
    const returnTo = localReturnTo(queryField(req, 'return_to'));
    const mustProve = queryField(req, 'prompt') === 'login';
    if (!mustProve && (await sessions.resolve(req.headers.cookie))) {
      res.redirect(303, returnTo ?? `${pages.basePath}/`);
      return;
    }
    const email = queryField(req, 'login_hint')?.slice(0, 254) ?? '';
    const { basePath } = pages;
    const [only, another] = upstreams;
    if (!signIn && only && !another) {
      res.redirect(303, upstreamUrl(only.name, { basePath, returnTo, email, fresh: mustProve }));
      return;
    }
    const csrfToken = csrf.fieldFor(req, res);
    const form = { basePath, csrfToken, email, returnTo, upstreams, fresh: mustProve };
    pages.send(res, loginPage({ ...form, hasPasswords: signIn !== undefined }));
  };
}

function submitForm({ pages, csrf, signIn, upstreams }: LoginRouteDeps): RequestHandler {
  return async (req, res) => {
    csrf.check(req, formField(req, CSRF_FIELD));
    if (!signIn) throw new HttpError(403, 'local_accounts_off', 'nobody has a password of this server');
    const returnTo = localReturnTo(formField(req, 'return_to'));
    const email = formField(req, 'email')?.trim() ?? '';
    const outcome = await signIn.attempt({
      email,
      password: formField(req, 'password') ?? '',
      origin: requestOrigin(req),
      userAgent: req.headers['user-agent'],
      cookieHeader: req.headers.cookie,
    });
    if (outcome.kind === 'signed_in') {
      res.append('Set-Cookie', outcome.setCookie);
      const next = outcome.mustChangePassword
        ? `${pages.basePath}/account/password?${new URLSearchParams(returnTo ? { return_to: returnTo } : {})}`
        : (returnTo ?? `${pages.basePath}/`);
      res.set('Cache-Control', 'no-store').redirect(303, next);
      return;
    }
    const tooMany = outcome.kind === 'too_many';
    if (tooMany) res.set('Retry-After', String(outcome.retryAfterSeconds));
    const problem = tooMany ? `Too many attempts. Try again in ${waitText(outcome.retryAfterSeconds)}.` : REFUSED;
    const csrfToken = csrf.fieldFor(req, res);
    const form = { basePath: pages.basePath, csrfToken, email, returnTo, upstreams, hasPasswords: true };
    pages.send(res, loginPage({ ...form, problem, status: tooMany ? 429 : 401 }));
  };
}

function waitText(seconds: number): string {
  return seconds < 60 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
