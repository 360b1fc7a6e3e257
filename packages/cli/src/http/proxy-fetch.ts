import type { Fetch } from '@codex-gateways/token-source';
import { EnvHttpProxyAgent, fetch } from 'undici';
import type { EnvironmentSettings } from '../config.ts';

/** This machine itself is never asked through a proxy. */
const LOOPBACK = 'localhost,127.0.0.1,[::1]';

/** A fetch that goes through the company's proxy where the environment names one; undefined for the plain one. */
export function proxyFetch({ proxies }: Pick<EnvironmentSettings, 'proxies'>): Fetch | undefined {
  if (proxies.http === undefined && proxies.https === undefined) return undefined;
  const noProxy = proxies.none === '' ? LOOPBACK : `${proxies.none},${LOOPBACK}`;
  const dispatcher = new EnvHttpProxyAgent({
    ...(proxies.http === undefined ? {} : { httpProxy: proxies.http }),
    ...(proxies.https === undefined ? {} : { httpsProxy: proxies.https }),
    noProxy,
  });
  return async (url, init) => {
    const { body = null, ...rest } = init;
    const answer = await fetch(url, { ...rest, body, dispatcher });
    // Two fetches, two nominal types of one interface.
    return answer as unknown as Response;
  };
}
