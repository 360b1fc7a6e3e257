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
  [API_SCOPE]:
    'act for you in the whole API: connectors, remote tokens, workspaces, sessions; and administer this server, if you may',
};

export function isBuiltInClient(clientId: string): boolean {
  return clientId === BUILT_IN_CLIENT_ID;
}

/** What a client may do with its tokens, in words for the person who is to approve it. */
export function powersOf({ clientId, scope }: { clientId: string; scope: string }): string[] {
  const scopes = new Set(scope.split(' ').filter((each) => each !== ''));
  if (isBuiltInClient(clientId)) scopes.add(API_SCOPE); // it needs none
  return [...scopes].map((each) => SCOPES[each] ?? each);
}
