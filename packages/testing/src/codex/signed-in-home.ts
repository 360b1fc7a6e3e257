import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CodexHome, createCodexHome } from './codex-home.ts';

const EMAIL = 'dev@localhost';

/**
 * A home of a person who has signed in with ChatGPT, without any server having been asked: the CLI shows `accessToken` as it is, and
 * does not verify the ID token. A refresh of it goes nowhere unless the environment says where (docs/protocol.md).
 */
export async function createSignedInHome({
  accessToken,
  accountId,
}: {
  accessToken: string;
  accountId: string;
}): Promise<CodexHome> {
  const home = await createCodexHome();
  const claims = { email: EMAIL, 'https://api.openai.com/auth': { chatgpt_account_id: accountId } };
  const idToken = [{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  const auth = {
    auth_mode: 'chatgpt',
    OPENAI_API_KEY: null,
    tokens: {
      id_token: `${idToken.join('.')}.unsigned`,
      access_token: accessToken,
      refresh_token: 'not-used',
      account_id: accountId,
    },
    last_refresh: new Date().toISOString(),
  };
  await writeFile(join(home.path, 'auth.json'), JSON.stringify(auth), { mode: 0o600 });
  return home;
}
