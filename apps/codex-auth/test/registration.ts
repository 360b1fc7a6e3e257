import type { Answer, Person, World } from './use-world.ts';

/** The least that a client must say of itself. */
export const METADATA = { redirect_uris: ['https://client.example/callback'] };

/** Registers a client. @param token - an initial access token */
export function register(world: World, metadata: unknown = METADATA, token?: string): Promise<Answer> {
  return world.send('POST', '/oauth/register', metadata, bearer(token));
}

/** What a registered client does to itself. */
export function manage(
  world: World,
  method: 'GET' | 'PUT' | 'DELETE',
  { clientId, token, body }: { clientId: string; token?: string | undefined; body?: unknown },
): Promise<Answer> {
  return world.send(method, `/oauth/register/${clientId}`, body, bearer(token));
}

/** Has an administrator mint an initial access token. */
export async function mintInitialAccessToken(
  world: World,
  admin: Person,
  changes: Record<string, unknown> = {},
): Promise<{ id: string; token: string }> {
  const answer = await world.call(admin, 'POST', '/api/admin/initial-access-tokens', { name: 'test', ...changes });
  if (answer.status !== 201) throw new Error(`minting answered ${answer.status} ${answer.text}`);
  return answer.body;
}

function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}
