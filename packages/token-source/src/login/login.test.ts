import { useCleanup } from '@codex-gateways/testing';
import { Person } from '../../test/person.ts';
import { type RealProvider, startRealProvider } from '../../test/real-provider.ts';
import { OAuthTokenSource } from '../oauth-token-source.ts';
import type { TokenSourceOptions } from '../options.ts';
import { MemorySecrets } from '../secrets/memory-secrets.ts';
import type { LoginPrompt } from './login-prompt.ts';

describe('a login', () => {
  const cleanup = useCleanup();
  let provider: RealProvider;
  beforeAll(async () => {
    provider = await startRealProvider();
    cleanup.after(() => provider.close());
  });

  function newSource(options: Partial<TokenSourceOptions>) {
    const { issuer, clientId } = provider;
    const secrets = new MemorySecrets();
    const oidc = { issuer, clientId, scopes: ['openid'], callbackPort: 0 };
    return { secrets, source: new OAuthTokenSource({ oidc, secrets, secretKey: () => 'KEY', ...options }) };
  }

  it('only shows the URL when it is told not to open a browser', async () => {
    const prompts: LoginPrompt[] = [];
    const { source } = newSource({
      skipBrowser: true,
      openUrl: () => Promise.reject(new Error('a browser was opened')),
      onLoginPrompt: (prompt) => {
        prompts.push(prompt);
        if (prompt.kind === 'browser') void new Person().signIn(prompt.url);
      },
    });
    await expect(source.login()).resolves.toMatchObject({ accessToken: expect.any(String) });
    expect(prompts).toEqual([
      { kind: 'browser', isOpened: false, url: expect.stringMatching(/code_challenge_method=S256/) },
    ]);
  });

  it('shows the URL also when the browser does not start', async () => {
    const prompts: LoginPrompt[] = [];
    const { source } = newSource({
      openUrl: () => Promise.reject(new Error('no browser')),
      onLoginPrompt: (prompt) => {
        prompts.push(prompt);
        if (prompt.kind === 'browser') void new Person().signIn(prompt.url);
      },
    });
    await source.login();
    expect(prompts).toMatchObject([{ kind: 'browser', isOpened: false }]);
  });

  it('happens whatever is stored', async () => {
    const { source, secrets } = newSource({ openUrl: async (url) => void new Person().signIn(url) });
    await secrets.set('KEY', 'earlier');
    await source.login();
    expect(await secrets.get('KEY')).not.toBe('earlier');
  });

  it('ends when nobody signs in', async () => {
    const { source } = newSource({ skipBrowser: true, loginTimeoutMs: 50 });
    await expect(source.login()).rejects.toMatchObject({ code: 'login_timed_out' });
  });

  it('ends when the caller gives up, and frees the port', async () => {
    const controller = new AbortController();
    const { source } = newSource({ skipBrowser: true, onLoginPrompt: () => controller.abort() });
    await expect(source.login({ signal: controller.signal })).rejects.toMatchObject({ code: 'login_cancelled' });
  });

  it('ends with the words of the provider when it refuses', async () => {
    const { issuer } = provider;
    const { source } = newSource({
      oidc: {
        issuer,
        clientId: provider.clientId,
        scopes: ['openid'],
        callbackPort: 0,
        audience: 'https://unknown.example',
      },
      openUrl: async (url) => void new Person().signIn(url),
    });
    await expect(source.login()).rejects.toMatchObject({ code: 'login_refused', providerCode: 'invalid_target' });
  });

  it('asks nobody when there is no place to keep what comes of it', async () => {
    const { source, secrets } = newSource({ openUrl: () => Promise.reject(new Error('a browser was opened')) });
    secrets.set = () => Promise.reject(new Error('disk full'));
    await expect(source.login()).rejects.toThrow('disk full');
  });
});

describe('a login by device code (RFC 8628)', () => {
  const cleanup = useCleanup();
  let provider: RealProvider;
  beforeAll(async () => {
    provider = await startRealProvider();
    cleanup.after(() => provider.close());
  });

  function newSource(options: Partial<TokenSourceOptions>) {
    const oidc = { issuer: provider.issuer, clientId: provider.clientId, scopes: ['openid'] };
    const secrets = new MemorySecrets();
    return new OAuthTokenSource({ oidc, secrets, secretKey: () => 'KEY', loginMethod: 'device_code', ...options });
  }

  it('shows code and address, and ends when the person has entered the code elsewhere', async () => {
    const prompts: LoginPrompt[] = [];
    const source = newSource({
      onLoginPrompt: (prompt) => {
        prompts.push(prompt);
        if (prompt.kind === 'device_code') void new Person().signIn(String(prompt.verificationUriComplete));
      },
    });
    await expect(source.login()).resolves.toMatchObject({ accessToken: expect.any(String) });
    expect(prompts).toMatchObject([
      { kind: 'device_code', userCode: expect.stringMatching(/^\S{4,}/), verificationUri: `${provider.issuer}/device` },
    ]);
  });

  it('ends when nobody enters the code', async () => {
    await expect(newSource({ loginTimeoutMs: 50 }).login()).rejects.toMatchObject({ code: 'login_timed_out' });
  });
});
