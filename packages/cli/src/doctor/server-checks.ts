import { messageOf, printable, TokenSourceError } from '@codex-gateways/token-source';
import { z } from 'zod';
import type { CliContext } from '../cli-context.ts';
import { VARIABLES } from '../config.ts';
import { type Check, failure, ok, warning } from './check.ts';

/** Agent Identities sign times that may be five minutes off (docs/protocol.md); before that, lifetimes begin to look wrong. */
const SKEW_FAILS_SECONDS = 300;
const SKEW_WARNS_SECONDS = 30;

const metadataSchema = z.object({ issuer: z.string(), token_endpoint: z.string() });

/** codex-auth: reachable, ready, the server that it says it is, and of the same time. */
export async function checkAuthServer(context: CliContext): Promise<Check[]> {
  const { server } = context;
  const startedAtMs = Date.now();
  const answer = await tryExchange(context, `${server}/.well-known/openid-configuration`);
  if (answer instanceof Error) return [unreachable('codex-auth', server, answer, `--server or ${VARIABLES.authUrl}`)];
  const clock = checkClock(answer, { startedAtMs, endedAtMs: Date.now() });
  const metadata = metadataSchema.safeParse(await answer.json().catch(() => undefined)).data;
  const checks = [await checkReady(context, 'codex-auth', server), ...(clock ? [clock] : [])];
  if (!metadata) {
    const fix = `give codex-auth's public URL with --server or ${VARIABLES.authUrl}`;
    return [failure('codex-auth', `${server} answers, but is no codex-auth`, fix), ...checks];
  }
  if (new URL(metadata.issuer).href !== new URL(server).href) {
    const message = `${server} calls itself ${printable(metadata.issuer)}`;
    return [
      failure('codex-auth', message, `use --server ${printable(metadata.issuer)}, or set its issuer URL right`),
      ...checks,
    ];
  }
  const isOpen = server.startsWith('http:') && !/^http:\/\/(127\.|localhost|\[::1\])/.test(server);
  if (isOpen)
    return [
      failure('codex-auth', `${server} has no TLS: tokens would travel in clear`, 'serve it under https'),
      ...checks,
    ];
  return [ok('codex-auth', `${server} is the issuer that it says it is`), ...checks];
}

/** A gateway whose URL is known. */
export async function checkGateway(
  context: CliContext,
  { name, url, option, variable }: { name: string; url: string | undefined; option: string; variable: string },
): Promise<Check> {
  if (url !== undefined) return checkReady(context, name, url, `${option} or ${variable}`);
  return warning(name, 'its URL is not known here', `give it with ${option} or ${variable} (login remembers it)`);
}

async function checkReady(context: CliContext, name: string, url: string, setting = '--server'): Promise<Check> {
  const answer = await tryExchange(context, `${url}/readyz`);
  const check = `${name} ready`;
  if (answer instanceof Error) return unreachable(check, url, answer, setting);
  if (answer.ok) return ok(check, `${url} is ready`);
  if (answer.status === 404) {
    return warning(check, `${url} does not show its health`, 'nothing, when a proxy in front hides /readyz on purpose');
  }
  const said = printable((await answer.text()).slice(0, 300));
  return failure(
    check,
    `${url} answers ${answer.status}: ${said}`,
    'look at the service: its answer names what is missing',
  );
}

/** Compares with `Date` (RFC 9110 §6.6.1), which has whole seconds, at the middle of the exchange. */
function checkClock(
  answer: Response,
  { startedAtMs, endedAtMs }: { startedAtMs: number; endedAtMs: number },
): Check | undefined {
  const theirsMs = Date.parse(answer.headers.get('date') ?? '');
  if (Number.isNaN(theirsMs)) return undefined;
  const skewSeconds = Math.round((startedAtMs + endedAtMs) / 2000 - (theirsMs / 1000 + 0.5));
  const off = Math.abs(skewSeconds);
  const words = `this machine's clock is ${off} s ${skewSeconds > 0 ? 'ahead of' : 'behind'} the server's`;
  const fix = 'set the clock of the one that is wrong (a time service such as chrony keeps it right)';
  if (off > SKEW_FAILS_SECONDS) return failure('clock', `${words}: signatures are refused`, fix);
  if (off > SKEW_WARNS_SECONDS) return warning('clock', words, fix);
  return ok('clock', 'this machine and the server agree on the time');
}

async function tryExchange(context: CliContext, url: string): Promise<Response | Error> {
  try {
    return await context.exchange(url);
  } catch (error) {
    if (error instanceof TokenSourceError) return error;
    throw error;
  }
}

function unreachable(name: string, url: string, error: Error, setting: string): Check {
  const reason = messageOf(error);
  const isCertificate = /certificate|CERT_|self-signed|issuer/i.test(reason);
  const fix = isCertificate
    ? 'name the authority that signed its certificate in NODE_EXTRA_CA_CERTS'
    : `start it, check the URL (${setting}), the network, and HTTPS_PROXY and NO_PROXY`;
  return failure(name, reason.includes(url) ? reason : `${url}: ${reason}`, fix);
}
