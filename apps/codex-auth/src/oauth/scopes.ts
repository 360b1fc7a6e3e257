/** The public client that is compiled into the Codex CLI; always registered (docs/protocol.md). */
export const BUILT_IN_CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann';

/** What a client other than the CLI needs to call `/api/*` for its user. */
export const API_SCOPE = 'codex.api';

/** Every scope that is granted here, with what the consent page says of it. The CLI asks for all but the last. */
export const SCOPES: Readonly<Record<string, string>> = {
  openid: 'know who you are',
  profile: 'see your name',
  email: 'see your email address',
  offline_access: 'stay signed in while you are away',
  'api.connectors.read': 'see your connectors',
  'api.connectors.invoke': 'use your connectors',
  [API_SCOPE]: 'manage your connectors and remote tokens',
};

export function isBuiltInClient(clientId: string): boolean {
  return clientId === BUILT_IN_CLIENT_ID;
}
