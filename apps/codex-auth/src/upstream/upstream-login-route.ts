import { HttpError, type Logger } from '@codex-gateways/service';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { queryField } from '../accounts/form-body.ts';
import { localReturnTo } from '../accounts/return-to.ts';
import type { SessionResolver } from '../accounts/session-resolver.ts';
import { requestOrigin } from '../audit/request-origin.ts';
import type { Pages } from '../pages/pages.ts';
import type { RateLimit } from '../rate-limits/rate-limit-store.ts';
import type { PendingSignIns } from './pending-sign-ins.ts';
import { UpstreamError } from './upstream-error.ts';
import { failurePage, troublePage } from './upstream-pages.ts';
import type { UpstreamProvider } from './upstream-provider.ts';
import { type Return, setOut, type UpstreamSignIn } from './upstream-sign-in.ts';

export interface UpstreamLoginRouteDeps {
  readonly pages: Pages;
  readonly sessions: SessionResolver;
  readonly providers: ReadonlyMap<string, UpstreamProvider>;
  readonly pending: PendingSignIns;
  readonly signIn: Pick<UpstreamSignIn, 'complete'>;
  readonly perAddress: RateLimit;
  readonly log: Logger;
}

const MAX_CODE_LENGTH = 4096;
const MAX_WORD_LENGTH = 2048;
const RETRY_SECONDS = '5';

/**
 * `GET /login/upstream/{name}?return_to=&login_hint=&prompt=`, from where a browser goes to a provider, and
 * `GET /oauth/callback`, `/oauth/callback/{name}`, where it comes back.
 */
export function upstreamLoginRoutes(deps: UpstreamLoginRouteDeps): Router {
  const router = Router();
  router.get('/login/upstream/:name', start(deps));
  router.get(['/oauth/callback', '/oauth/callback/:name'], finish(deps));
  return router;
}

function start({ pages, sessions, providers, pending, perAddress, ...deps }: UpstreamLoginRouteDeps): RequestHandler {
  return async (req, res) => {
    const provider = providers.get(String(req.params.name));
    if (!provider) throw new HttpError(404, 'not_found', 'there is no such identity provider');
    const returnTo = localReturnTo(queryField(req, 'return_to'));
    const isFresh = queryField(req, 'prompt') === 'login';
    if (!isFresh && (await sessions.resolve(req.headers.cookie))) {
      res.redirect(303, returnTo ?? `${pages.basePath}/`);
      return;
    }
    const retryAfterSeconds = await perAddress.take(requestOrigin(req).ip ?? 'unknown');
    if (retryAfterSeconds > 0) {
      const headers = { 'Retry-After': String(retryAfterSeconds) };
      throw new HttpError(429, 'too_many', 'there were too many attempts; wait a while', { headers });
    }
    const loginHint = queryField(req, 'login_hint')?.slice(0, 254);
    const journey = { pending, cookieHeader: req.headers.cookie, returnTo, isFresh, loginHint };
    const begun = await setOut(provider, journey).catch((error: unknown) => {
      if (!(error instanceof UpstreamError)) throw error;
      return error;
    });
    if (begun instanceof UpstreamError) {
      const { problem, message } = begun;
      const { name, displayName } = provider.upstream;
      deps.log.warn({ provider: name, problem, reason: message }, 'a sign-in at a provider cannot begin');
      if (problem === 'unavailable') res.set('Retry-After', RETRY_SECONDS);
      pages.send(res, troublePage({ problem, displayName }, againUrl(pages, returnTo)));
      return;
    }
    res.append('Set-Cookie', begun.setCookie).set('Cache-Control', 'no-store').redirect(303, begun.location);
  };
}

function finish({ pages, signIn }: UpstreamLoginRouteDeps): RequestHandler {
  return async (req, res) => {
    const outcome = await signIn.complete(returnOf(req));
    if (outcome.kind === 'signed_in') {
      const next = localReturnTo(outcome.returnTo) ?? `${pages.basePath}/`;
      res.append('Set-Cookie', outcome.setCookie).set('Cache-Control', 'no-store').redirect(303, next);
      return;
    }
    const returnTo = outcome.kind === 'not_on_the_way' ? undefined : outcome.returnTo;
    noteRefusal(res, outcome.kind === 'refused' ? outcome.why : outcome.kind);
    if (outcome.kind === 'trouble' && outcome.problem === 'unavailable') res.set('Retry-After', RETRY_SECONDS);
    pages.send(res, failurePage(outcome, againUrl(pages, returnTo)));
  };
}

/** @throws {HttpError} 400 for a parameter that is repeated or longer than any honest one */
function returnOf(req: Request): Return {
  const field = (name: string, maxLength: number) => {
    const value = queryField(req, name);
    if (value !== undefined && value.length > maxLength) {
      throw new HttpError(400, 'invalid_request', `${name} is too long`);
    }
    return value;
  };
  const { name } = req.params;
  return {
    providerInPath: typeof name === 'string' ? name : undefined,
    state: field('state', MAX_WORD_LENGTH) ?? '',
    code: field('code', MAX_CODE_LENGTH),
    iss: field('iss', MAX_WORD_LENGTH),
    error: field('error', MAX_WORD_LENGTH),
    cookieHeader: req.headers.cookie,
    origin: requestOrigin(req),
    userAgent: req.headers['user-agent'],
  };
}

function noteRefusal(res: Response, reason: string): void {
  res.locals.refusal = reason;
}

function againUrl(pages: Pages, returnTo: string | undefined): string {
  return `${pages.basePath}/login${returnTo === undefined ? '' : `?${new URLSearchParams({ return_to: returnTo })}`}`;
}
