import type { IncomingMessage } from 'node:http';

/**
 * The address of the client behind proxies, as Express finds it for `trust proxy` with a number.
 * @param trustedHops - proxies whose word in `X-Forwarded-For` is taken, counted from us; 0 takes nobody's
 */
export function clientAddress(
  { headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>,
  trustedHops: number,
): string | undefined {
  const forwarded = headers['x-forwarded-for'];
  if (trustedHops === 0 || forwarded === undefined) return socket.remoteAddress;
  const claimed = String(forwarded)
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '')
    .reverse();
  return [socket.remoteAddress, ...claimed][Math.min(trustedHops, claimed.length)];
}
