import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { useCleanup } from '../processes/use-cleanup.ts';
import { findBrowser } from './find-browser.ts';
import { startBrowser, useBrowser } from './start-browser.ts';

describe('a browser', () => {
  const cleanup = useCleanup();
  const { newPage } = useBrowser();
  let url: string;

  beforeAll(async () => {
    const server = createServer((req, res) => {
      res.setHeader('content-type', 'text/html');
      if (req.method === 'POST') res.setHeader('set-cookie', 'pressed=1');
      const seen = req.headers.cookie ?? 'no cookie';
      res.end(`<h1>${req.method}, ${seen}</h1><form method="post"><button>Approve</button></form>`);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanup.after(() => server.close());
    cleanup.after(() => server.closeAllConnections());
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });

  it('opens a page of this machine and presses a button', async () => {
    const page = await newPage();
    await page.goto(url);
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('heading', { name: 'POST, no cookie' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'POST, pressed=1' }).waitFor();
  });

  it('gives each page cookies of its own', async () => {
    const page = await newPage();
    await page.goto(url);
    await page.getByRole('heading', { name: 'GET, no cookie' }).waitFor();
  });

  it('can be started by itself', async () => {
    const browser = await startBrowser();
    expect(browser.version()).toMatch(/^\d+\./);
    await browser.close();
    expect(browser.isConnected()).toBe(false);
  });
});

describe('finding a browser', () => {
  it('prefers the one named in the environment', async () => {
    const env = { CHROMIUM_PATH: process.execPath, PATH: '' };
    await expect(findBrowser(env)).resolves.toEqual({ path: process.execPath, env: {} });
  });

  it('refuses a name that is no program', async () => {
    await expect(findBrowser({ CHROMIUM_PATH: '/no/such/browser' })).rejects.toThrow(
      'CHROMIUM_PATH=/no/such/browser is not a program',
    );
  });
});
