import { type DcrCredentialStore, decodeResolution, encodeResolution } from './dcr-credentials.ts';
import { dcrKeyId } from './dcr-key.ts';

/** For development, and one replica: another one, and the next start, register anew. */
export function createInMemoryDcrCredentialStore(): DcrCredentialStore {
  const entries = new Map<string, Buffer>();
  return {
    async get(key) {
      const entry = entries.get(dcrKeyId(key));
      return entry && decodeResolution(entry);
    },
    async put(key, resolution) {
      entries.set(dcrKeyId(key), encodeResolution(resolution));
    },
  };
}
