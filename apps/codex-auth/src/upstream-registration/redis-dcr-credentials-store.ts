import { sha256 } from '@codex-gateways/crypto';
import type { SealedColumn } from '../sealing/sealed-row-store.ts';
import type { RedisConnection } from './redis-connection.ts';
import { dcrContextOf, type SealedEntries } from './sealed-dcr-credentials.ts';

/** Writes a field if it still has the value that was read. */
const REPLACE = `if redis.call('hget', KEYS[1], ARGV[1]) == ARGV[2] then
  return redis.call('hset', KEYS[1], ARGV[1], ARGV[3])
end
return 0`;

/** One hash for each server, a field for each registration: few, and found together. Redis expires none of it. */
function hashOf(issuer: string): string {
  return `codex-auth:dcr:${sha256(issuer).toString('hex', 0, 16)}`;
}

/** Shared by all replicas; as durable as the server is. */
export function redisDcrEntries(redis: RedisConnection): SealedEntries {
  return {
    async find(id, { issuer }) {
      const value = await redis.run((client) => client.hGet(hashOf(issuer), id));
      return value === null || value === undefined ? undefined : Buffer.from(value, 'base64');
    },
    async save(id, { key, sealed }) {
      await redis.run((client) => client.hSet(hashOf(key.issuer), id, sealed.toString('base64')));
    },
  };
}

/** By which, at the start of a server, a new master key gets what lies in Redis too. */
export function redisDcrColumn(redis: RedisConnection, issuer: string): SealedColumn {
  const hash = hashOf(issuer);
  return {
    name: 'the registrations at upstreams, in Redis,',
    contextOf: dcrContextOf,
    async listStale(_db, { currentKeyId, afterKey, limit }) {
      const all = await redis.run((client) => client.hGetAll(hash));
      return Object.entries(all)
        .map(([key, value]) => ({ key, sealed: Buffer.from(value, 'base64') }))
        .filter(({ key, sealed }) => key > afterKey && !sealed.subarray(1, 5).equals(currentKeyId))
        .sort((left, right) => (left.key < right.key ? -1 : 1))
        .slice(0, limit);
    },
    async replace(_db, { key, from, to }) {
      const values = [key, from.toString('base64'), to.toString('base64')];
      await redis.run((client) => client.eval(REPLACE, { keys: [hash], arguments: values }));
    },
  };
}
