import { asHttpError, type Logger, requestIdOf } from '@codex-gateways/service';
import { type ErrorRequestHandler, type Response, Router } from 'express';
import { type Html, html } from './html.ts';
import { STYLESHEET } from './stylesheet.ts';

export interface Page {
  readonly title: string;
  readonly body: Html;
  readonly status?: number;
  /** Where, besides this origin, the answer to the page's form may redirect: browsers apply `form-action` to that too. */
  readonly formTargets?: readonly string[];
}

/** Renders the pages that people see, all below one base path. */
export class Pages {
  /** The path of the issuer URL, empty or `/…` without a slash at its end: every link begins with it. */
  readonly basePath: string;

  constructor({ issuer }: { issuer: string }) {
    this.basePath = new URL(issuer).pathname.replace(/\/+$/, '');
  }

  send(res: Response, { title, body, status = 200, formTargets = [] }: Page): void {
    const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · Codex Gateways</title>
<link rel="stylesheet" href="${this.basePath}/assets/style.css">
</head>
<body>
<main>
<p class="product">Codex Gateways</p>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`;
    res
      .status(status)
      .set('Cache-Control', 'no-store')
      .set('Content-Security-Policy', contentPolicy(formTargets))
      .type('html')
      .send(document.text);
  }

  assets(): Router {
    const router = Router();
    router.get('/assets/style.css', (_req, res) => {
      res.set('Cache-Control', 'public, max-age=3600').type('css').send(STYLESHEET);
    });
    return router;
  }

  /** The end of a route chain for people: refusals become pages, our own faults too, without a word about them. */
  errors({ log }: { log: Logger }): ErrorRequestHandler {
    return (error: unknown, req, res, _next) => {
      const known = asHttpError(error);
      if (!known) log.error({ err: error, request_id: requestIdOf(req) }, 'request failed');
      if (res.headersSent) {
        res.destroy();
        return;
      }
      if (known?.reason) res.locals.refusal = known.reason;
      const message = known ? sentence(known.message) : 'Something went wrong here. Try again in a moment.';
      res.set(known?.headers ?? {});
      this.send(res, {
        status: known?.status ?? 500,
        title: known ? 'This did not work' : 'Something went wrong',
        body: html`<p class="problem" role="alert">${message}</p><p class="dim">Request ${requestIdOf(req)}</p>`,
      });
    };
  }
}

/**
 * The sources under which a content security policy knows a redirect URI: its origin, or the scheme of an app's own. On this
 * machine both spellings, since the Codex CLI goes on from its callback to a page of its own under either (docs/protocol.md).
 */
export function formTargetsOf(redirectUri: string): readonly string[] {
  if (!URL.canParse(redirectUri)) return [];
  const { protocol, hostname, port, origin } = new URL(redirectUri);
  if (protocol === 'http:' && ['localhost', '127.0.0.1'].includes(hostname)) {
    const suffix = port === '' ? '' : `:${port}`;
    return [`http://localhost${suffix}`, `http://127.0.0.1${suffix}`];
  }
  // A host may have characters that end a source or a directive.
  if (origin !== 'null') return /^https?:\/\/[a-z0-9.:[\]_-]+$/.test(origin) ? [origin] : [];
  return /^[a-z][a-z0-9+.-]*:$/.test(protocol) ? [protocol] : [];
}

function contentPolicy(formTargets: readonly string[]): string {
  return [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self' data:",
    `form-action ${["'self'", ...formTargets].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}

function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
