import { z } from 'zod';
import type { DcrKey } from './dcr-key.ts';
import { TOKEN_ENDPOINT_AUTH_METHODS, type UpstreamClientResolution } from './upstream-client.ts';

/**
 * Keeps what dynamic client registration gave (RFC 7591), one resolution a key. Safe for concurrent use. Nothing is ever dropped
 * by age: when a registration is over is for its caller to say, who overwrites it.
 */
export interface DcrCredentialStore {
  /** @returns undefined when there is none. @throws when the store cannot be read */
  get(key: DcrKey): Promise<UpstreamClientResolution | undefined>;
  /**
   * Stores, or overwrites.
   * @throws {TypeError} without a resolution, or for one without client id or endpoints: a later `get` would only miss it
   */
  put(key: DcrKey, resolution: UpstreamClientResolution): Promise<void>;
}

const text = z.string().min(1);
const time = z.coerce.date().optional();
const resolutionSchema = z.object({
  clientId: text,
  clientSecret: text.optional(),
  authorizationEndpoint: text,
  tokenEndpoint: text,
  registrationAccessToken: text.optional(),
  registrationClientUri: text.optional(),
  tokenEndpointAuthMethod: z.enum(TOKEN_ENDPOINT_AUTH_METHODS),
  redirectUri: text,
  clientIdIssuedAt: time,
  clientSecretExpiresAt: time,
  createdAt: z.coerce.date(),
  issuer: text.optional(),
  jwksUri: text.optional(),
  userinfoEndpoint: text.optional(),
});

/** A resolution as bytes, complete or not at all. @throws {TypeError} naming what it lacks */
export function encodeResolution(resolution: UpstreamClientResolution): Buffer {
  const parsed = resolutionSchema.safeParse(resolution);
  if (parsed.success) return Buffer.from(JSON.stringify(parsed.data));
  throw new TypeError(`a resolution has ${String(parsed.error.issues[0]?.path[0] ?? 'members')}`);
}

/** @throws {TypeError} when these are not the bytes of a resolution */
export function decodeResolution(bytes: Buffer): UpstreamClientResolution {
  const parsed = resolutionSchema.safeParse(JSON.parse(bytes.toString('utf8')));
  if (parsed.success) return parsed.data;
  throw new TypeError(`a stored resolution has ${String(parsed.error.issues[0]?.path[0] ?? 'members')}`);
}
