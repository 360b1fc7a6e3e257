import type { Fetch } from '@codex-gateways/token-source';
import type { EnvironmentSettings } from '../config.ts';

/** This machine itself is never asked through a proxy. */
const LOOPBACK = 'localhost,127.0.0.1,[::1]';

/** A fetch that goes through the company's proxy where the environment names one; undefined for the plain one. */
export function proxyFetch({ proxies }: Pick<EnvironmentSettings, 'proxies'>): Fetch | undefined {
  if (proxies.http === undefined && proxies.https === undefined) return undefined;
  let prepared: Promise<Fetch> | undefined;
  return async (url, init) => {
    prepared ??= prepare(proxies);
    return (await prepared)(url, init);
  };
}

/** undici takes a while to load, and most machines have no proxy. */
async function prepare({ http, https, none }: EnvironmentSettings['proxies']): Promise<Fetch> {
  const { EnvHttpProxyAgent, fetch } = await import('undici');
  const dispatcher = new EnvHttpProxyAgent({
    httpProxy: http ?? '',
    httpsProxy: https ?? '',
    noProxy: none === '' ? LOOPBACK : `${none},${LOOPBACK}`,
  });
  return async (url, { body = null, ...init }) => {
    const answer = await fetch(url, { ...init, body, dispatcher });
    return answer as unknown as Response; // two fetches, two nominal types of one interface
  };
}
