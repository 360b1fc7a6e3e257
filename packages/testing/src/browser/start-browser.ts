import { type Browser, chromium, type Page } from 'playwright-core';
import { findBrowser } from './find-browser.ts';

// Below jest's own limit, so that a failure names what the page lacks.
const PAGE_TIMEOUT_MS = 60_000;
const START_TIMEOUT_MS = 120_000;
/** Unpacking the browser of a bare machine included. */
const HOOK_TIMEOUT_MS = 300_000;
// Tests look at pages of this machine; the browser has no business anywhere else.
const STAYS_HOME = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-domain-reliability',
  '--disable-quic',
  '--no-first-run',
  '--no-pings',
  '--disable-gpu',
];

/** Starts a headless browser, see {@link findBrowser} for which. It ends with this process at the latest. */
export async function startBrowser(): Promise<Browser> {
  const { path, env } = await findBrowser();
  return chromium.launch({
    executablePath: path,
    args: STAYS_HOME,
    chromiumSandbox: false, // root has none, and many containers permit none
    env: { ...process.env, ...env },
    timeout: START_TIMEOUT_MS,
  });
}

/** The browser of a test file. */
export interface TestBrowser {
  readonly browser: Browser;
  /** A page that shares no cookies with another, closed with the browser at the latest. */
  newPage(): Promise<Page>;
}

/** Registers a `beforeAll` that starts a browser and an `afterAll` that closes it, for the tests of a file or a `describe`. */
export function useBrowser(): TestBrowser {
  let starting: Promise<Browser> | undefined;
  let started: Browser | undefined;
  beforeAll(async () => {
    starting = startBrowser();
    started = await starting;
  }, HOOK_TIMEOUT_MS);
  afterAll(async () => {
    // Also one that has started after the patience of the hook was over: it would keep jest from its end.
    const browser = await starting?.catch(() => undefined);
    await browser?.close();
  }, HOOK_TIMEOUT_MS);
  const browser = () => {
    if (!started) throw new Error('the browser runs only while the tests of this file do');
    return started;
  };
  return {
    get browser() {
      return browser();
    },
    newPage: async () => {
      const context = await browser().newContext();
      context.setDefaultTimeout(PAGE_TIMEOUT_MS);
      return context.newPage();
    },
  };
}
