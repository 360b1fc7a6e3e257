import { join } from 'node:path';
import { useCleanup } from '@codex-gateways/testing';
import { runModule } from '../test/node-process.ts';
import { Person } from '../test/person.ts';
import { type RealProvider, startRealProvider } from '../test/real-provider.ts';
import { useTemporaryFolder } from '../test/temporary-folder.ts';
import { accessTokenKey } from './naming.ts';
import { OAuthTokenSource } from './oauth-token-source.ts';
import { EncryptedFileSecrets } from './secrets/encrypted-file-secrets.ts';

const KEY = 'SHARED';
const PROCESSES = 20;

/** A script as people write them: it starts, wants a token, and ends. */
const SCRIPT = `
  import { EncryptedFileSecrets, OAuthTokenSource } from 'DIST/index.js';
  const { FOLDER: folder, ISSUER: issuer, CLIENT: clientId } = process.env;
  const secrets = new EncryptedFileSecrets({ folder });
  const source = new OAuthTokenSource({ oidc: { issuer, clientId, scopes: ['openid'] }, secrets, secretKey: () => 'SHARED' });
  process.stdout.write(await source.token());`;

describe(`${PROCESSES} processes that ask at once`, () => {
  const cleanup = useCleanup();
  const temporary = useTemporaryFolder();
  let provider: RealProvider;
  let secrets: EncryptedFileSecrets;
  let folder: string;

  beforeEach(async () => {
    const started = await startRealProvider();
    cleanup.after(() => started.close());
    provider = started;
    folder = join(temporary.path, String(Math.random()));
    secrets = new EncryptedFileSecrets({ folder });
    const { issuer, clientId } = provider;
    const source = new OAuthTokenSource({
      oidc: { issuer, clientId, scopes: ['openid'], callbackPort: 0 },
      secrets,
      secretKey: () => KEY,
      openUrl: async (url) => void new Person().signIn(url),
    });
    await source.login();
  });

  const ask = () => runModule(SCRIPT, { FOLDER: folder, ISSUER: provider.issuer, CLIENT: provider.clientId });

  it('rotate the refresh token once, and get the same access token', async () => {
    const refreshToken = await secrets.get(KEY);
    await secrets.set(accessTokenKey(KEY), 'expired|2020-01-01T00:00:00.000Z');
    const exits = await Promise.all(Array.from({ length: PROCESSES }, ask));
    expect(exits.map(({ stderr }) => stderr).join('')).toBe('');
    expect(new Set(exits.map(({ stdout }) => stdout)).size).toBe(1);
    expect(exits[0]?.stdout).toMatch(/^\S{20,}$/);
    expect({ refreshes: provider.refreshes(), refusals: provider.refusals() }).toEqual({ refreshes: 1, refusals: 0 });
    expect(await secrets.get(KEY)).not.toBe(refreshToken);
    expect(await ask()).toMatchObject({ code: 0, stdout: exits[0]?.stdout });
  });

  it('ask the provider nothing while the cached token is good', async () => {
    const exits = await Promise.all(Array.from({ length: 5 }, ask));
    expect(exits.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    expect(provider.refreshes()).toBe(0);
  });
});
