import { printable } from '@codex-gateways/token-source';
import type { CliContext } from '../cli-context.ts';
import { usageError } from '../cli-error.ts';
import { table } from '../output.ts';
import { rotatedKeySchema, signingKeysSchema, withdrawnKeySchema } from './wire.ts';

const PATH = '/api/admin/signing-keys';

/** codex-auth's published signing keys, for administrators. */
export async function listKeys({ api, out }: CliContext): Promise<void> {
  const { keys } = await api.call(PATH, signingKeysSchema);
  const rows = keys.map((key) => [
    key.kid,
    key.status,
    key.created_at,
    key.activates_at ?? '',
    key.published_until ?? '',
    String(key.agent_identities ?? ''),
  ]);
  const headings = ['KEY', 'STATUS', 'CREATED', 'SIGNS FROM', 'PUBLISHED UNTIL', 'AGENT IDENTITIES'];
  out.result(keys, table(headings, rows, 'There are no signing keys.'));
}

/** Starts a new key: published now, signing once every client has had time to learn of it. */
export async function rotateKeys({ api, out }: CliContext, options: { immediate?: boolean }): Promise<void> {
  const body = { immediate: options.immediate ?? false };
  const key = await api.call(`${PATH}/rotate`, rotatedKeySchema, { method: 'POST', body });
  const when = key.activates_at ? `; it signs from ${printable(key.activates_at)}` : '';
  out.result(key, `Key ${printable(key.kid)} is ${printable(key.status)}${when}.`);
}

/** Ends a compromised key, and with it everything that it has signed. */
export async function withdrawKey({ api, out }: CliContext, kid: string, options: { yes?: boolean }): Promise<void> {
  if (!options.yes) {
    throw usageError(
      'every token and Agent Identity that this key has signed ends at once: add --yes if that is meant',
    );
  }
  const withdrawn = await api.call(`${PATH}/${encodeURIComponent(kid)}`, withdrawnKeySchema, { method: 'DELETE' });
  const identities = withdrawn.agent_identities ? `; ${withdrawn.agent_identities} executors need a new identity` : '';
  out.result(withdrawn, `Key ${printable(withdrawn.withdrawn)} is withdrawn${identities}.`);
}
