import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { useBrowser, useCleanup } from '@codex-gateways/testing';
import type { Page } from 'playwright-core';
import { CLI_CLIENT_ID, OAuthClient } from './oauth-client.ts';
import { registerClient } from './register-client.ts';
import { FIRST_USER, useAuthService } from './use-auth-service.ts';

const cleanup = useCleanup();
const auth = useAuthService();
const browser = useBrowser();
const client = new OAuthClient(() => auth.url);

/** The callback server of a client on this machine. @returns its redirect URI and what it was called with */
async function callbackServer(path: string) {
  const calls: URLSearchParams[] = [];
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? '/', 'http://here.invalid');
    if (url.pathname === path) calls.push(url.searchParams);
    res.writeHead(200, { 'content-type': 'text/html' }).end('<h1>back at the client</h1>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { redirectUri: `http://localhost:${(server.address() as AddressInfo).port}${path}`, calls };
}

async function signIn(page: Page): Promise<void> {
  await page.getByLabel('Email').fill(FIRST_USER.email);
  await page.getByLabel('Password').fill(FIRST_USER.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** A page, and what its browser complained about. */
async function newPage() {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  return { page, complaints };
}

describe('in a real browser', () => {
  it('a person signs in on the way to a client, and the policy of the page lets the browser follow', async () => {
    const { redirectUri, calls } = await callbackServer('/auth/callback');
    const { page, complaints } = await newPage();
    await page.goto(auth.url + client.authorizePath({ redirect_uri: redirectUri }));
    await signIn(page);
    await page.getByText('back at the client').waitFor();
    expect(calls).toHaveLength(1);
    expect(calls[0]?.get('state')).toBe('state-of-the-test');
    expect(complaints.filter((text) => !text.includes('favicon'))).toEqual([]);
  });

  it('a person agrees to a client, and the browser follows from there', async () => {
    const { redirectUri, calls } = await callbackServer('/cb');
    const app = await registerClient(auth.db, {
      tokenEndpointAuthMethod: 'none',
      redirectUris: ['http://localhost/cb'],
      clientName: 'Test App',
    });
    const { page, complaints } = await newPage();
    await page.goto(
      auth.url + client.authorizePath({ client_id: app.clientId, redirect_uri: redirectUri, scope: 'openid email' }),
    );
    await signIn(page);
    await page.getByRole('heading', { name: 'Test App asks for access' }).waitFor();
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('back at the client').waitFor();
    expect(calls[0]?.get('code')).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(complaints.filter((text) => !text.includes('favicon'))).toEqual([]);
  });

  it('a person approves a device, beginning at the address that the device shows', async () => {
    const { body } = await client.postForm('/oauth/device_authorization', { client_id: CLI_CLIENT_ID });
    const { page } = await newPage();
    await page.goto(String(body.verification_uri));
    await signIn(page);
    await page.getByLabel('Code').fill(String(body.user_code).toLowerCase());
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('status').waitFor();
    const poll = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: CLI_CLIENT_ID };
    expect((await client.token({ ...poll, device_code: String(body.device_code) })).status).toBe(200);
  });

  it('a person signs out', async () => {
    const { page } = await newPage();
    await page.goto(`${auth.url}/login`);
    await signIn(page);
    await page.getByText(FIRST_USER.email).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });
});
