import { readFileSync } from 'node:fs';
import type { EnvReader } from '@codex-gateways/service';

const DCR_STORES = ['postgres', 'redis', 'memory'] as const;

/** Where Redis is, and who this server is there. */
export interface RedisSettings {
  readonly url: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** PEM; undefined for the authorities that Node.js trusts. */
  readonly certificateAuthority: string | undefined;
}

/** Where registrations at upstreams are kept. */
export function readDcrSettings(read: EnvReader) {
  const dcrStore = read.oneOf('CODEX_AUTH_DCR_STORE', DCR_STORES, 'postgres');
  const url = 'CODEX_AUTH_REDIS_URL';
  const settings = {
    url:
      dcrStore === 'redis'
        ? read.parsed(url, parseRedisUrl, '')
        : read.optionalParsed(url, parseRedisUrl, { default: '' }),
    username: read.optionalText('CODEX_AUTH_REDIS_USERNAME'),
    password: read.optionalText('CODEX_AUTH_REDIS_PASSWORD'),
    certificateAuthority: read.optionalParsed<string | undefined>('CODEX_AUTH_REDIS_CA_FILE', readCertificates, {
      default: undefined,
    }),
  };
  return {
    /** The default is shared by all replicas and lasts; `memory` is for one replica, in development. */
    dcrStore,
    /** Undefined unless registrations are kept in Redis. */
    redis: dcrStore === 'redis' ? (settings satisfies RedisSettings) : undefined,
  };
}

function parseRedisUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isBare = url && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  const isRedis =
    isBare && /^rediss?:$/.test(url.protocol) && url.hostname !== '' && /^(\/\d{0,3})?$/.test(url.pathname);
  if (!isRedis) throw new TypeError('must be redis://host:port/database or rediss://…, without credentials');
  return text;
}

function readCertificates(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw new TypeError('must be a file that can be read');
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new TypeError('must be a file with certificates (PEM)');
  return text;
}
