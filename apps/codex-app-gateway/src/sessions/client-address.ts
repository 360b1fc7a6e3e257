import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/**
 * The address of a client. Each trusted proxy adds the address of whoever called it to the end of `X-Forwarded-For`; what is further
 * left anybody may have written.
 * @param trustedHops - how many proxies there are in front, 0 for none
 */
export function clientAddress(
  req: Pick<IncomingMessage, 'headers'> & { socket: { remoteAddress?: string | undefined } },
  trustedHops: number,
): string | undefined {
  const own = req.socket.remoteAddress ?? '';
  const address = trustedHops === 0 ? own : addressOfHop(req.headers['x-forwarded-for'], { own, trustedHops });
  const plain = address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
  return isIP(plain) === 0 ? undefined : plain;
}

function addressOfHop(
  forwarded: string | string[] | undefined,
  { own, trustedHops }: { own: string; trustedHops: number },
): string {
  const chain = [forwarded ?? []].flat().join(',').split(',');
  const hops = [...chain.map((each) => each.trim()).filter((each) => each !== ''), own];
  return hops[Math.max(0, hops.length - 1 - trustedHops)] ?? '';
}
