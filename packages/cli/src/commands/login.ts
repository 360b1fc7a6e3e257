import { type LoginPrompt, printable } from '@codex-gateways/token-source';
import type { CliContext } from '../cli-context.ts';
import { ApiClient } from '../http/api-client.ts';
import { chooseSecrets, type SecretsKind } from '../session/secrets-store.ts';
import { meSchema } from './wire.ts';

const BROWSER_TIMEOUT_SECONDS = 300;
/** A device code ends by itself, usually after 15 minutes. */
const DEVICE_TIMEOUT_SECONDS = 3600;

export interface LoginOptions {
  readonly deviceCode?: boolean;
  /** False with `--no-browser`. */
  readonly browser: boolean;
  readonly callbackPort?: number;
  readonly clientId?: string;
  readonly secrets: 'auto' | SecretsKind;
  /** Seconds. */
  readonly timeout?: number;
}

/** Signs a person in and remembers the server for the commands that follow. */
export async function login(context: CliContext, options: LoginOptions): Promise<void> {
  const { server, out, settings, io } = context;
  const kind = options.secrets === 'auto' ? await chooseKind(context) : options.secrets;
  const source = context.createSource(kind, {
    clientId: options.clientId,
    loginMethod: options.deviceCode ? 'device_code' : 'browser',
    skipBrowser: !options.browser,
    callbackPort: options.callbackPort,
    loginTimeoutMs: (options.timeout ?? (options.deviceCode ? DEVICE_TIMEOUT_SECONDS : BROWSER_TIMEOUT_SECONDS)) * 1000,
    onLoginPrompt: (prompt) => out.note(describePrompt(prompt)),
  });
  const { expiresAt } = await source.login({ signal: io.signal });
  await remember(context, kind);
  const api = new ApiClient({ server, source, fetch: context.fetch });
  const me = await api.call('/api/me', meSchema);
  const kept = context.secrets(kind).description;
  out.result(
    {
      server,
      user: me,
      access_token_expires_at: expiresAt.toISOString(),
      secrets: kind,
      config: settings.configFile.path,
    },
    `Signed in to ${server} as ${printable(me.email)}. The tokens are in ${kept}.`,
  );
}

async function chooseKind({ settings, out }: CliContext): Promise<SecretsKind> {
  const { kind, reason } = await chooseSecrets(settings.dataFolder);
  if (reason !== undefined) out.detail(`encrypted files are used: ${reason}`);
  return kind;
}

async function remember(context: CliContext, kind: SecretsKind): Promise<void> {
  const { server, settings } = context;
  const { execGatewayUrl, appGatewayUrl, entry } = settings;
  if (entry.secrets !== undefined && entry.secrets !== kind) await context.createSource(entry.secrets).signOut();
  await settings.configFile.update((config) => ({
    server,
    servers: {
      ...config.servers,
      [server]: {
        ...config.servers[server],
        secrets: kind,
        ...(execGatewayUrl === undefined ? {} : { exec_gateway_url: execGatewayUrl }),
        ...(appGatewayUrl === undefined ? {} : { app_gateway_url: appGatewayUrl }),
      },
    },
  }));
}

function describePrompt(prompt: LoginPrompt): string {
  if (prompt.kind === 'browser') {
    const where = prompt.isOpened
      ? 'A browser has been opened. If it shows nothing, visit'
      : 'Open this in a browser on this machine';
    return `${where}:\n\n  ${prompt.url}\n\nWaiting for you to sign in …`;
  }
  const { verificationUri, userCode } = prompt;
  const minutes = Math.max(1, Math.round((prompt.expiresAt.getTime() - Date.now()) / 60_000));
  const shortcut =
    prompt.verificationUriComplete === undefined
      ? ''
      : `\n\nor, with the code filled in:\n\n  ${printable(prompt.verificationUriComplete)}`;
  return (
    `On any device, visit\n\n  ${printable(verificationUri)}\n\nand enter the code\n\n  ${printable(userCode)}${shortcut}\n\n` +
    `Waiting; the code is good for ${minutes} minutes …`
  );
}
