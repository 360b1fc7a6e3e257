import { createWriteStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkDatabase, createPool, PortTakenError, requireFreePort } from '@codex-gateways/database';
import { createLogger, type Environment } from '@codex-gateways/service';
import { readSettings, type StackPorts, type StackSettings } from './config.ts';
import { type DevUser, resolveDevUser } from './dev-user.ts';
import { loadSecrets, type Secrets, saveSecrets } from './secrets.ts';
import { type ServiceName, serviceEnvironments, urlsOf } from './service-environments.ts';
import { ServiceLog } from './service-log.ts';
import { oneLine, StackError } from './stack-error.ts';
import { openStateFolder, type StateFolder } from './state-folder.ts';
import { SupervisedDatabase } from './supervised-database.ts';
import { SupervisedService } from './supervised-service.ts';

/** In the order in which they are stopped: who calls ends before who is called. */
const SERVICES = [
  { key: 'app', name: 'codex-app-gateway', portVariable: 'CODEX_APP_GATEWAY_PORT' },
  { key: 'exec', name: 'codex-exec-gateway', portVariable: 'CODEX_EXEC_GATEWAY_PORT' },
  { key: 'auth', name: 'codex-auth', portVariable: 'CODEX_AUTH_PORT' },
] as const satisfies { key: ServiceName; name: string; portVariable: string }[];

export interface LocalStackOptions {
  readonly stateDirectory: string;
  /** A port that is 0 or missing is chosen by the system. */
  readonly ports?: Partial<StackPorts>;
  /** As for `npm start`; PATH, HOME and the like come from this process when they are missing. Default: nothing set. */
  readonly env?: Environment;
  /** Told what happens, one line at a time: starting, and later what died and came back. */
  readonly onLine?: (line: string) => void;
  /** Ends the start; what has been started is stopped. */
  readonly signal?: AbortSignal;
}

/** One service of a running stack. */
export interface StackChild {
  /** @throws {Error} while it does not run */
  readonly pid: number;
  /** What a crash or a foreign `kill` would do: the stack starts the service again. */
  kill(signal: NodeJS.Signals): void;
  /** Stays stopped until `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
  restart(): Promise<void>;
}

export interface LocalStack {
  readonly urls: Readonly<Record<ServiceName, string>>;
  readonly databaseUrl: string;
  /** The embedded PostgreSQL's postmaster; undefined with a DATABASE_URL. */
  readonly databasePid: number | undefined;
  readonly devUser: DevUser;
  readonly secrets: Secrets;
  readonly logsFolder: string;
  child(name: ServiceName): StackChild;
  /** A person has seen the password: it is not shown again. */
  markPasswordShown(): void;
  /** Services first, then the database. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts the whole stack on loopback and waits until every service is ready.
 * @throws {StackError} in one line: what does not work. Everything that was started is stopped then.
 */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const state = openStateFolder(options.stateDirectory);
  const stack = new StartingStack(options, state);
  const interrupt = () => stack.interrupt();
  options.signal?.addEventListener('abort', interrupt, { once: true });
  if (options.signal?.aborted) interrupt();
  try {
    return await stack.start();
  } catch (error) {
    await stack.stop();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', interrupt);
  }
}

class StartingStack {
  readonly #options: LocalStackOptions;
  readonly #state: StateFolder;
  readonly #onLine: (line: string) => void;
  readonly #services = new Map<ServiceName, SupervisedService>();
  #database: SupervisedDatabase | undefined;
  #isInterrupted = false;
  #stopping: Promise<void> | undefined;

  constructor(options: LocalStackOptions, state: StateFolder) {
    this.#options = options;
    this.#state = state;
    this.#onLine = options.onLine ?? (() => undefined);
  }

  async start(): Promise<LocalStack> {
    const env = this.#options.env ?? {};
    const settings = readSettings(env);
    const secrets = loadSecrets(this.#state.secretsFile);
    const devUser = this.#devUser(secrets, settings);
    const ports = await choosePorts(this.#options.ports ?? {});
    if (settings.databaseUrl) await requireDatabase(settings.databaseUrl);
    const databaseUrl = settings.databaseUrl ?? (await this.#startDatabase(secrets.postgresPassword));
    this.#goOnUnlessInterrupted();
    const facts = { ports, databaseUrl, secrets, devUser, codexFolder: this.#state.codexFolder };
    const environments = serviceEnvironments(env, facts);
    const urls = urlsOf(ports);
    await this.#startServices(environments, urls);
    this.#goOnUnlessInterrupted();
    return this.#handle({ urls, databaseUrl, secrets, devUser });
  }

  /** Makes `start` fail soon; whoever waits for it stops what has been started. */
  interrupt(): void {
    this.#isInterrupted = true;
    for (const service of this.#services.values()) service.stop().catch(() => undefined);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopInOrder();
    return this.#stopping;
  }

  async #stopInOrder(): Promise<void> {
    for (const { key } of SERVICES) await this.#services.get(key)?.stop();
    await this.#database?.stop();
    this.#state.release();
  }

  #goOnUnlessInterrupted(): void {
    if (this.#isInterrupted) throw new StackError('the start was interrupted');
  }

  #devUser(secrets: Secrets, settings: StackSettings): DevUser {
    const user = resolveDevUser(secrets, settings);
    saveSecrets(this.#state.secretsFile, secrets);
    if (user.ignoresGivenPassword) this.#onLine(`DEV_USER_PASSWORD does not change the password of ${user.email}`);
    return user;
  }

  async #startDatabase(password: string): Promise<string> {
    this.#onLine('Starting PostgreSQL');
    const file = new ServiceLog(this.#state.logsFolder, 'postgres');
    file.rotate();
    const stream = createWriteStream(file.path, { flags: 'a', mode: 0o600 });
    this.#database = await SupervisedDatabase.start({
      dataDirectory: this.#state.databaseFolder,
      port: this.#options.ports?.postgres ?? 0,
      password,
      log: createLogger({ service: 'postgres', level: 'debug' }, stream),
      onLine: this.#onLine,
    });
    return this.#database.url;
  }

  /** All at once: each waits for what it needs. The first that fails ends the others' start. */
  async #startServices(
    environments: Readonly<Record<ServiceName, NodeJS.ProcessEnv>>,
    urls: Readonly<Record<ServiceName, string>>,
  ): Promise<void> {
    this.#onLine(`Starting ${SERVICES.map(({ name }) => name).join(', ')}`);
    for (const { key, name } of SERVICES) {
      const log = new ServiceLog(this.#state.logsFolder, name);
      log.rotate();
      const script = fileURLToPath(new URL(`../../../apps/${name}/dist/main.js`, import.meta.url));
      const [env, readyUrl] = [environments[key], `${urls[key]}/readyz`];
      this.#services.set(key, new SupervisedService({ name, script, env, readyUrl, log, onLine: this.#onLine }));
    }
    await Promise.all([...this.#services.values()].map((service) => service.start()));
  }

  #handle(facts: Pick<LocalStack, 'urls' | 'databaseUrl' | 'secrets' | 'devUser'>): LocalStack {
    const database = this.#database;
    return {
      ...facts,
      logsFolder: this.#state.logsFolder,
      get databasePid() {
        return database?.pid;
      },
      child: (name) => {
        const service = this.#services.get(name);
        if (!service) throw new TypeError(`the stack has no service ${name}`);
        return service;
      },
      markPasswordShown: () => {
        const user = facts.secrets.users[facts.devUser.email];
        if (user) user.shown = true;
        saveSecrets(this.#state.secretsFile, facts.secrets);
      },
      stop: () => this.stop(),
    };
  }
}

async function requireDatabase(databaseUrl: string): Promise<void> {
  const pool = createPool({ databaseUrl, applicationName: 'local-stack', maxConnections: 1 });
  try {
    await checkDatabase(pool, 10_000);
  } catch (error) {
    throw new StackError(`the database of DATABASE_URL does not answer: ${oneLine(error)}`, { cause: error });
  } finally {
    await pool.end();
  }
}

/** Looks before anything is started, so that a taken port is named at once. */
async function choosePorts(wanted: Partial<StackPorts>): Promise<Record<ServiceName, number>> {
  const chosen: Partial<Record<ServiceName, number>> = {};
  for (const { key, name, portVariable } of SERVICES) {
    try {
      do chosen[key] = await requireFreePort(wanted[key] ?? 0);
      while (!wanted[key] && Object.values(chosen).filter((port) => port === chosen[key]).length > 1);
    } catch (error) {
      if (!(error instanceof PortTakenError)) throw error;
      throw new StackError(`${name} does not start: ${error.message}; set ${portVariable} to use another`);
    }
  }
  return chosen as Record<ServiceName, number>;
}
