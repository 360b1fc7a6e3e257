import { type Request, type RequestHandler, type Response, Router } from 'express';
import { CSRF_FIELD, type CsrfGuard } from '../accounts/csrf.ts';
import { formField, queryField } from '../accounts/form-body.ts';
import type { SessionResolver, SignedInUser } from '../accounts/session-resolver.ts';
import type { SignInUrl } from '../accounts/sign-in-url.ts';
import { requestOrigin } from '../audit/request-origin.ts';
import type { Clients } from '../oauth/clients.ts';
import { html } from '../pages/html.ts';
import type { Pages } from '../pages/pages.ts';
import type { DeviceLogins } from './device-logins.ts';
import { codePage, confirmPage, decidedPage } from './device-pages.ts';

export interface DevicePageRouteDeps {
  readonly pages: Pages;
  readonly csrf: CsrfGuard;
  readonly sessions: SessionResolver;
  readonly signInUrl: SignInUrl;
  readonly clients: Pick<Clients, 'find'>;
  readonly deviceLogins: Pick<DeviceLogins, 'findPending' | 'decide'>;
  readonly formBody: RequestHandler;
  readonly issuer: string;
}

const UNKNOWN_CODE = 'This code is not right, was used already, or has expired. Look at your terminal again.';
const MAX_TYPED_LENGTH = 20;

/** `GET` and `POST /codex/device`, where a person enters and decides on a code; `GET /deviceauth/callback`. */
export function devicePageRoutes(deps: DevicePageRouteDeps): Router {
  const router = Router();
  router.get('/codex/device', async (req, res) => {
    const typed = queryField(req, 'user_code')?.slice(0, MAX_TYPED_LENGTH) ?? '';
    const user = await signedIn(req, res, { typed, deps });
    if (user) showCodePage(req, res, { deps, user, typed });
  });
  router.post('/codex/device', deps.formBody, async (req, res) => {
    deps.csrf.check(req, formField(req, CSRF_FIELD));
    const typed = formField(req, 'user_code')?.slice(0, MAX_TYPED_LENGTH) ?? '';
    const user = await signedIn(req, res, { typed, deps });
    if (!user) return;
    const decision = formField(req, 'decision');
    const isDone =
      decision === undefined
        ? await confirm(req, res, { deps, user, typed })
        : await decide(req, res, { deps, user, typed });
    if (!isDone) showCodePage(req, res, { deps, user, typed, problem: UNKNOWN_CODE });
  });
  router.get('/deviceauth/callback', (_req, res) => {
    deps.pages.send(res, {
      title: 'Device login',
      body: html`<p>You can close this page and go back to your terminal.</p>`,
    });
  });
  return router;
}

interface Visit {
  readonly deps: DevicePageRouteDeps;
  readonly user: SignedInUser;
  readonly typed: string;
}

async function signedIn(
  req: Request,
  res: Response,
  { typed, deps }: { typed: string; deps: DevicePageRouteDeps },
): Promise<SignedInUser | undefined> {
  const user = await deps.sessions.resolve(req.headers.cookie);
  const query = typed === '' ? '' : `?${new URLSearchParams({ user_code: typed })}`;
  if (!user) res.redirect(303, deps.signInUrl(`/codex/device${query}`));
  return user;
}

function showCodePage(req: Request, res: Response, { deps, user, typed, problem }: Visit & { problem?: string }): void {
  const { pages, csrf } = deps;
  const form = { basePath: pages.basePath, csrfToken: csrf.fieldFor(req, res), email: user.email, userCode: typed };
  pages.send(res, codePage(problem === undefined ? form : { ...form, problem }));
}

async function confirm(req: Request, res: Response, { deps, user, typed }: Visit): Promise<boolean> {
  const { pages, csrf, clients, deviceLogins } = deps;
  const pending = await deviceLogins.findPending(typed, user);
  if (!pending) return false;
  const { userCode, login } = pending;
  const clientName = (await clients.find(login.clientId))?.clientName || login.clientId;
  const form = { basePath: pages.basePath, csrfToken: csrf.fieldFor(req, res), userCode, clientName };
  pages.send(res, confirmPage(login, form));
  return true;
}

async function decide(req: Request, res: Response, { deps, user, typed }: Visit): Promise<boolean> {
  const status = formField(req, 'decision') === 'approve' ? 'approved' : 'denied';
  const isDecided = await deps.deviceLogins.decide(typed, { status, user, origin: requestOrigin(req) });
  if (isDecided) deps.pages.send(res, decidedPage(status, deps.issuer));
  return isDecided;
}
