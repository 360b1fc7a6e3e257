import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { StackError } from './stack-error.ts';

const secretsSchema = z.object({
  postgresPassword: z.string().min(16),
  /** 32 bytes in base64. */
  masterKey: z.string().min(43),
  internalApiSecret: z.string().min(16),
  execSharedSecret: z.string().min(16),
  captokenSecret: z.string().min(16),
  /** Passwords that were generated, by email address; `shown` once a person has seen it. */
  users: z.record(z.string(), z.object({ password: z.string(), shown: z.boolean() })),
});

/** What the parts of a stack know one another by. Kept in one file with mode 0600. */
export type Secrets = z.infer<typeof secretsSchema>;

/**
 * Reads the secrets, or generates them at the first start.
 * @throws {StackError} the file is damaged
 */
export function loadSecrets(file: string): Secrets {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const secrets = generateSecrets();
    saveSecrets(file, secrets);
    return secrets;
  }
  chmodSync(file, 0o600);
  try {
    return secretsSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new StackError(`${file} is damaged: restore it, or remove the state folder to start from nothing`, { cause });
  }
}

/** Whole or not at all: a crash leaves the earlier file. */
export function saveSecrets(file: string, secrets: Secrets): void {
  const incomplete = `${file}.${process.pid}`;
  writeFileSync(incomplete, `${JSON.stringify(secrets, undefined, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(incomplete, file);
}

/** A password that can be typed: 20 characters, 100 bits. */
export function generatePassword(): string {
  const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789'; // 32, without those that look alike
  const characters = [...randomBytes(20)].map((byte) => alphabet[byte % alphabet.length]);
  return characters.join('').replace(/(.{5})(?=.)/g, '$1-');
}

function generateSecrets(): Secrets {
  const random = () => randomBytes(32).toString('base64url');
  return {
    postgresPassword: random(),
    masterKey: randomBytes(32).toString('base64'),
    internalApiSecret: random(),
    execSharedSecret: random(),
    captokenSecret: random(),
    users: {},
  };
}
