import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasSystemCode, messageOf, withFileLock, writePrivateFile } from '@codex-gateways/token-source';
import { z } from 'zod';
import { CliError } from '../cli-error.ts';
import { ExitCode } from '../exit-code.ts';

const serverSchema = z.looseObject({
  secrets: z.enum(['keyring', 'file']).optional(),
  client_id: z.string().optional(),
  /** Where the refresh token is kept: a name, not the token. */
  secret_key: z.string().optional(),
  access_token_expires_at: z.string().optional(),
  exec_gateway_url: z.string().optional(),
  app_gateway_url: z.string().optional(),
  workspace: z.string().optional(),
});

// Loose: what a later version of the program adds is kept.
const configSchema = z.looseObject({
  /** The server of commands that name none. */
  server: z.string().optional(),
  servers: z.record(z.string(), serverSchema).default({}),
});

export type ServerEntry = z.infer<typeof serverSchema>;
export type SavedConfig = z.infer<typeof configSchema>;

/** `config.json`: what was said once and holds from then on. It holds no secrets. */
export class ConfigFile {
  constructor(readonly path: string) {}

  /** @throws {CliError} for a file that is not ours to understand */
  async read(): Promise<SavedConfig> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if (hasSystemCode(error, 'ENOENT')) return { servers: {} };
      throw this.#unusable(messageOf(error), error);
    }
    try {
      return configSchema.parse(JSON.parse(text));
    } catch (error) {
      throw this.#unusable('it is not JSON of the expected form; repair or remove it', error);
    }
  }

  /** Changes the file as a whole; of several processes one after the other. */
  async update(change: (config: SavedConfig) => SavedConfig): Promise<void> {
    try {
      await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    } catch (error) {
      throw this.#unusable(messageOf(error), error);
    }
    await withFileLock(`${this.path}.lock`, { timeoutMs: 10_000, leaseMs: 30_000 }, async () => {
      const changed = change(await this.read());
      await writePrivateFile(this.path, Buffer.from(`${JSON.stringify(changed, null, 2)}\n`));
    });
  }

  /** Adds to what is known of a server. */
  updateServer(server: string, entry: Partial<ServerEntry>): Promise<void> {
    return this.update((config) => ({
      ...config,
      servers: { ...config.servers, [server]: { ...config.servers[server], ...entry } },
    }));
  }

  #unusable(reason: string, cause: unknown): CliError {
    return new CliError(ExitCode.failure, 'config_unusable', `${this.path} cannot be used: ${reason}`, { cause });
  }
}
