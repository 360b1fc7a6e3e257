import type { CliContext } from '../cli-context.ts';
import { VARIABLES } from '../config.ts';
import { ExitCode } from '../exit-code.ts';
import type { Check } from './check.ts';
import { checkCodex, checkConfigFile, checkSecrets, checkSignIn } from './local-checks.ts';
import { checkAuthServer, checkGateway } from './server-checks.ts';

const MARKS = { ok: 'ok  ', warning: 'warn', failure: 'FAIL' } as const;

/** Looks at everything that a sign-in, an executor and a remote session need. @returns `failure` when something is wrong */
export async function doctor(context: CliContext, options: { codex: string }): Promise<number> {
  const { settings, out } = context;
  out.note(`Looking at ${context.server} and this machine …`);
  const [auth, exec, app, config, secrets, codex] = await Promise.all([
    checkAuthServer(context),
    checkGateway(context, {
      name: 'codex-exec-gateway',
      url: settings.execGatewayUrl,
      option: '--exec-gateway',
      variable: VARIABLES.execGatewayUrl,
    }),
    checkGateway(context, {
      name: 'codex-app-gateway',
      url: settings.appGatewayUrl,
      option: '--app-gateway',
      variable: VARIABLES.appGatewayUrl,
    }),
    checkConfigFile(context),
    checkSecrets(context),
    checkCodex(context, options.codex),
  ]);
  const signIn = await checkSignIn(context); // after the secrets' probe: both take the same locks
  const checks = [...auth, exec, app, config, secrets, signIn, codex];
  const isHealthy = checks.every(({ status }) => status !== 'failure');
  out.result({ is_healthy: isHealthy, checks }, checks.map(describe).join('\n'));
  return isHealthy ? ExitCode.ok : ExitCode.failure;
}

function describe({ name, status, message, fix }: Check): string {
  const line = `${MARKS[status]}  ${name}: ${message}`;
  return fix === undefined ? line : `${line}\n      fix: ${fix}`;
}
