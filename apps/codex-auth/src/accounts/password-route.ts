import { HttpError, parseInput } from '@codex-gateways/service';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import { requestOrigin } from '../audit/request-origin.ts';
import type { Pages } from '../pages/pages.ts';
import { CSRF_FIELD, type CsrfGuard } from './csrf.ts';
import { currentUser } from './current-user.ts';
import { formField, queryField } from './form-body.ts';
import type { PasswordChange, PasswordChangeOutcome } from './password-change.ts';
import { passwordPage } from './password-page.ts';
import { localReturnTo } from './return-to.ts';
import type { Sessions } from './sessions.ts';
import type { SignInUrl } from './sign-in-url.ts';

export interface PasswordRouteDeps {
  readonly pages: Pages;
  readonly csrf: CsrfGuard;
  readonly localSessions: Pick<Sessions, 'resolveAny'>;
  readonly signInUrl: SignInUrl;
  readonly passwordChange: Pick<PasswordChange, 'change'>;
  readonly minPasswordLength: number;
  readonly formBody: RequestHandler;
}

const MAX_BODY_BYTES = 4096;
const WRONG = 'The current password is not right, or there were too many attempts: then wait a while.';

/** `GET`, `POST /account/password`: the page, which also serves whoever signed in with a generated password. */
export function passwordPageRoutes(deps: PasswordRouteDeps): Router {
  const router = Router();
  router.get('/account/password', showForm(deps));
  router.post('/account/password', deps.formBody, submitForm(deps));
  return router;
}

function showForm({ pages, csrf, localSessions, signInUrl, minPasswordLength }: PasswordRouteDeps): RequestHandler {
  return async (req, res) => {
    const found = await localSessions.resolveAny(req.headers.cookie);
    if (!found) {
      res.redirect(303, signInUrl('/account/password'));
      return;
    }
    const returnTo = localReturnTo(queryField(req, 'return_to'));
    const form = { basePath: pages.basePath, csrfToken: csrf.fieldFor(req, res), returnTo, minPasswordLength };
    pages.send(res, passwordPage({ ...form, mustChange: found.mustChangePassword }));
  };
}

function submitForm(deps: PasswordRouteDeps): RequestHandler {
  const { pages, csrf, localSessions, signInUrl, minPasswordLength } = deps;
  return async (req, res) => {
    csrf.check(req, formField(req, CSRF_FIELD));
    const found = await localSessions.resolveAny(req.headers.cookie);
    if (!found) {
      res.redirect(303, signInUrl('/account/password'));
      return;
    }
    const returnTo = localReturnTo(formField(req, 'return_to'));
    const problem = problemOf(await changeByForm(req, res, { ...deps, user: found.user }));
    if (problem === undefined) {
      res.set('Cache-Control', 'no-store').redirect(303, returnTo ?? `${pages.basePath}/account`);
      return;
    }
    const form = { basePath: pages.basePath, csrfToken: csrf.fieldFor(req, res), returnTo, minPasswordLength };
    pages.send(res, passwordPage({ ...form, mustChange: found.mustChangePassword, problem }));
  };
}

async function changeByForm(
  req: Request,
  res: Response,
  { passwordChange, user }: Pick<PasswordRouteDeps, 'passwordChange'> & { user: { userId: string; email: string } },
): Promise<PasswordChangeOutcome> {
  const newPassword = formField(req, 'new_password') ?? '';
  if (newPassword !== formField(req, 'new_password_again')) {
    return { kind: 'unsuitable', why: 'The new passwords are not the same.' };
  }
  const currentPassword = formField(req, 'current_password') ?? '';
  const outcome = await passwordChange.change({ user, currentPassword, newPassword, ...whence(req), hasSession: true });
  keepSession(res, outcome);
  return outcome;
}

const bodySchema = z.strictObject({ current_password: z.string().max(1024), new_password: z.string().max(1024) });

/** `POST /api/account/password` `{current_password, new_password}`: 204; the session goes on under a fresh cookie. */
export function passwordApiRoutes({
  passwordChange,
  withUser,
}: {
  passwordChange: Pick<PasswordChange, 'change'>;
  withUser: RequestHandler;
}): Router {
  const router = Router();
  router.post('/api/account/password', withUser, express.json({ limit: MAX_BODY_BYTES }), async (req, res) => {
    const body = parseInput(bodySchema, req.body);
    const user = currentUser(res);
    const outcome = await passwordChange.change({
      user,
      currentPassword: body.current_password,
      newPassword: body.new_password,
      ...whence(req),
      hasSession: user.via === 'session',
    });
    if (outcome.kind === 'wrong_password') throw new HttpError(403, 'wrong_password', WRONG);
    if (outcome.kind === 'unsuitable') throw new HttpError(400, 'unsuitable_password', outcome.why);
    keepSession(res, outcome);
    res.status(204).end();
  });
  return router;
}

function whence(req: Request) {
  return { origin: requestOrigin(req), userAgent: req.headers['user-agent'] };
}

function keepSession(res: Response, outcome: PasswordChangeOutcome): void {
  if (outcome.kind === 'changed' && outcome.setCookie !== undefined) res.append('Set-Cookie', outcome.setCookie);
}

function problemOf(outcome: PasswordChangeOutcome): string | undefined {
  if (outcome.kind === 'changed') return undefined;
  return outcome.kind === 'wrong_password' ? WRONG : outcome.why;
}
