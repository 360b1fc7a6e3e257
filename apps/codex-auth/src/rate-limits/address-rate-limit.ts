import { isIPv6 } from 'node:net';
import type { Pool } from '@codex-gateways/database';
import { createRateLimit, type RateLimit } from './rate-limit-store.ts';

const GROUPS = 8;
const GROUPS_OF_A_NETWORK = 4;

/**
 * What stands for one caller: an IPv4 address, or the /64 of an IPv6 address, since whoever has one address of it has them all (RFC 4291 §2.5.4).
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [beforeZone = ''] = address.split('%', 1);
  const canonical = new URL(`http://[${beforeZone}]`).hostname.slice(1, -1);
  if (canonical.startsWith('::ffff:')) return canonical; // one IPv4 address
  const [head = '', tail = ''] = canonical.split('::');
  const left = groupsOf(head);
  const right = groupsOf(tail);
  const zeros = canonical.includes('::') ? GROUPS - left.length - right.length : 0;
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right];
  return `${groups.slice(0, GROUPS_OF_A_NETWORK).join(':')}::/64`;
}

function groupsOf(text: string): string[] {
  return text === '' ? [] : text.split(':');
}

/** A limit whose keys are addresses of callers. @param options - as of `createRateLimit` */
export function createAddressRateLimit(pool: Pool, options: Parameters<typeof createRateLimit>[1]): RateLimit {
  const limit = createRateLimit(pool, options);
  return {
    take: (address) => limit.take(networkOf(address)),
    giveBack: (address) => limit.giveBack(networkOf(address)),
  };
}
