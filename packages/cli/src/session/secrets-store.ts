import { join } from 'node:path';
import {
  EncryptedFileSecrets,
  EnvironmentSecrets,
  KeyringSecrets,
  LayeredSecrets,
  type SecretsProvider,
  TokenSourceError,
} from '@codex-gateways/token-source';
import { CliError } from '../cli-error.ts';
import { type Environment, type EnvironmentSettings, VARIABLES } from '../config.ts';
import { ExitCode } from '../exit-code.ts';

export const SECRETS_KINDS = ['keyring', 'file'] as const;
export type SecretsKind = (typeof SECRETS_KINDS)[number];

export interface SecretsStoreOptions {
  readonly dataFolder: string;
  readonly settings: Pick<EnvironmentSettings, 'secretsKey'>;
  /** Tokens given in the environment come before stored ones. */
  readonly env: Environment;
}

/** The place for tokens. @throws {CliError} for a key that is none */
export function openSecrets(kind: SecretsKind, { dataFolder, settings, env }: SecretsStoreOptions): SecretsProvider {
  const store = kind === 'keyring' ? keyring(dataFolder) : encryptedFile(dataFolder, settings.secretsKey);
  return new LayeredSecrets({ overrides: new EnvironmentSecrets(env), store });
}

/**
 * Chooses where a new sign-in is kept: the keyring where one works, else encrypted files.
 * @returns why it is not the keyring, if it is not
 */
export async function chooseSecrets(dataFolder: string): Promise<{ kind: SecretsKind; reason?: string }> {
  try {
    await keyring(dataFolder).probe();
    return { kind: 'keyring' };
  } catch (error) {
    if (!(error instanceof TokenSourceError)) throw error;
    return { kind: 'file', reason: error.message };
  }
}

function keyring(dataFolder: string): KeyringSecrets {
  return new KeyringSecrets({ service: 'codex-gateways', lockFolder: join(dataFolder, 'locks') });
}

function encryptedFile(dataFolder: string, key: string | undefined): EncryptedFileSecrets {
  try {
    return new EncryptedFileSecrets({ folder: join(dataFolder, 'secrets'), key });
  } catch (cause) {
    const message = `${VARIABLES.secretsKey} must be 32 bytes in base64 (openssl rand -base64 32)`;
    throw new CliError(ExitCode.failure, 'secrets_unreadable', message, { cause });
  }
}
