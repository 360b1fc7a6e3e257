import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Environment, EnvReader } from '@codex-gateways/service';

const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));

// As codex-auth has them: what it would refuse must not be kept with the secrets.
const EMAIL = { pattern: /^[^\s@]{1,64}@[^\s@]{1,189}$/, expected: 'an email address' };
const PASSWORD = { pattern: /^.{8,256}$/s, expected: '8 to 256 characters' };

export interface StackPorts {
  readonly auth: number;
  readonly app: number;
  readonly exec: number;
  readonly postgres: number;
}

/** Where a stack keeps its files and listens. A port of 0 is chosen by the system. */
export interface StackPlace {
  readonly stateDirectory: string;
  readonly ports: StackPorts;
}

/** What `npm start` reads from its own environment to place the stack. @throws {ConfigError} a port is none */
export function readPlace(env: Environment): StackPlace {
  const read = new EnvReader(env);
  return read.finish({
    stateDirectory: resolve(CHECKOUT, read.text('LOCAL_STATE_DIR', { default: '.local' })),
    ports: {
      auth: read.port('CODEX_AUTH_PORT', 8081),
      app: read.port('CODEX_APP_GATEWAY_PORT', 8082),
      exec: read.port('CODEX_EXEC_GATEWAY_PORT', 8083),
      postgres: read.port('LOCAL_POSTGRES_PORT', 54329),
    },
  });
}

export interface StackSettings {
  /** A PostgreSQL of one's own; the embedded one when undefined. */
  readonly databaseUrl: string | undefined;
  readonly devUserEmail: string;
  /** Generated and kept with the secrets when undefined. */
  readonly devUserPassword: string | undefined;
}

/**
 * What the stack itself reads from the environment it is given; the rest is for its services.
 * @throws {ConfigError} naming every malformed variable, no value among them
 */
export function readSettings(env: Environment): StackSettings {
  const read = new EnvReader(env);
  const isPasswordGiven = read.optionalText('DEV_USER_PASSWORD') !== undefined;
  return read.finish({
    databaseUrl: read.optionalText('DATABASE_URL'),
    devUserEmail: read.text('DEV_USER_EMAIL', { default: 'dev@localhost', ...EMAIL }),
    devUserPassword: isPasswordGiven ? read.text('DEV_USER_PASSWORD', PASSWORD) : undefined,
  });
}
