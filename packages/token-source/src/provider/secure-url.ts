import { TokenSourceError } from '../errors.ts';

/**
 * A URL that tokens may be sent to: https, or http to this machine itself.
 * @throws {TokenSourceError} `provider_invalid`
 */
export function secureUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLoopback = url !== undefined && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback)) return url;
  throw new TokenSourceError('provider_invalid', `${text} is not an https URL (http is for this machine only)`);
}
