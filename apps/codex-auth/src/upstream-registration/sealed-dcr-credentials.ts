import type { Sealer } from '@codex-gateways/crypto';
import { type DcrCredentialStore, decodeResolution, encodeResolution } from './dcr-credentials.ts';
import { type DcrKey, dcrKeyId } from './dcr-key.ts';

/** Where sealed values lie, each under the id of its key. */
export interface SealedEntries {
  find(id: string, key: DcrKey): Promise<Buffer | undefined>;
  /** Stores, or overwrites. @param entry.key - what the id stands for */
  save(id: string, entry: { key: DcrKey; sealed: Buffer }): Promise<void>;
}

/** A store that several replicas share, and that sees no secret. */
export function createSealedDcrCredentialStore({
  entries,
  sealer,
}: {
  entries: SealedEntries;
  sealer: Pick<Sealer, 'seal' | 'open'>;
}): DcrCredentialStore {
  return {
    async get(key) {
      const id = dcrKeyId(key);
      const sealed = await entries.find(id, key);
      return sealed && decodeResolution(sealer.open(sealed, dcrContextOf(id)));
    },
    async put(key, resolution) {
      const id = dcrKeyId(key);
      await entries.save(id, { key, sealed: sealer.seal(encodeResolution(resolution), dcrContextOf(id)) });
    },
  };
}

/** What a resolution is sealed for: under another key it does not open. */
export function dcrContextOf(id: string): string {
  return `dcr_credentials.sealed:${id}`;
}
