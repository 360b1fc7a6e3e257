import { createWriteStream } from 'node:fs';
import { checkDatabase, createPool } from '@codex-gateways/database';
import { createLogger, type Environment } from '@codex-gateways/service';
import { readSettings, type StackPorts, type StackSettings } from './config.ts';
import { StackControl } from './control.ts';
import { type DevUser, resolveDevUser } from './dev-user.ts';
import { findHaproxy } from './find-haproxy.ts';
import type { Replicas } from './replicas.ts';
import { loadSecrets, type Secrets, saveSecrets } from './secrets.ts';
import { SERVICE_NAMES, type ServiceName, serviceEnvironments, urlsOf } from './service-environments.ts';
import type { StackChild, StackReplica } from './service-group.ts';
import { ServiceLog } from './service-log.ts';
import { oneLine, StackError } from './stack-error.ts';
import { choosePorts } from './stack-ports.ts';
import { StackServices } from './stack-services.ts';
import { openStateFolder, type StateFolder } from './state-folder.ts';
import { SupervisedDatabase } from './supervised-database.ts';

export interface LocalStackOptions {
  readonly stateDirectory: string;
  /** A port that is 0 or missing is chosen by the system. */
  readonly ports?: Partial<StackPorts>;
  /** Several processes of each service behind HAProxy, which then has the ports. Default: one of each, without it. */
  readonly replicas?: Replicas | undefined;
  /** As for `npm start`; PATH, HOME and the like come from this process when they are missing. Default: nothing set. */
  readonly env?: Environment;
  /** Told what happens, one line at a time: starting, and later what died and came back. */
  readonly onLine?: (line: string) => void;
  /** Ends the start; what has been started is stopped. */
  readonly signal?: AbortSignal;
}

export interface LocalStack {
  readonly urls: Readonly<Record<ServiceName, string>>;
  readonly databaseUrl: string;
  /** The embedded PostgreSQL's postmaster; undefined with a DATABASE_URL. */
  readonly databasePid: number | undefined;
  readonly devUser: DevUser;
  readonly secrets: Secrets;
  readonly logsFolder: string;
  /** A service. Of several replicas, `pid` and `kill` are of the first, the rest is of all. */
  child(name: ServiceName): StackChild;
  /** The replicas of a service, each by itself. */
  replicas(name: ServiceName): readonly StackReplica[];
  /**
   * Restarts the replicas of a service one after the other, each left out by the balancer meanwhile.
   * @throws {StackError} one does not come back; those after it were left alone
   */
  rollingRestart(name: ServiceName): Promise<void>;
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
  #services: StackServices | undefined;
  #database: SupervisedDatabase | undefined;
  #control: StackControl | undefined;
  #isInterrupted = false;
  #stopping: Promise<void> | undefined;

  constructor(options: LocalStackOptions, state: StateFolder) {
    this.#options = options;
    this.#state = state;
    this.#onLine = options.onLine ?? (() => undefined);
  }

  async start(): Promise<LocalStack> {
    const { env = {}, replicas } = this.#options;
    const balanced = replicas && { replicas, haproxy: findHaproxy(env) };
    const settings = readSettings(env);
    const secrets = loadSecrets(this.#state.secretsFile);
    const devUser = this.#devUser(secrets, settings);
    const ports = await choosePorts(this.#options.ports ?? {});
    if (settings.databaseUrl) await requireDatabase(settings.databaseUrl);
    const databaseUrl = settings.databaseUrl ?? (await this.#startDatabase(secrets.postgresPassword));
    this.#goOnUnlessInterrupted();
    const facts = { ports, databaseUrl, secrets, devUser, codexFolder: this.#state.codexFolder };
    const urls = urlsOf(ports);
    const services = await StackServices.create({
      ...{ balanced, environments: serviceEnvironments(env, facts), ports, urls },
      ...{ logsFolder: this.#state.logsFolder, onLine: this.#onLine },
    });
    this.#services = services;
    this.#goOnUnlessInterrupted();
    this.#onLine(`Starting ${SERVICE_NAMES.map(({ name }) => name).join(', ')}`);
    await services.start();
    this.#goOnUnlessInterrupted();
    if (balanced) await this.#openControl(services);
    return this.#handle({ urls, databaseUrl, secrets, devUser }, services);
  }

  /** Makes `start` fail soon; whoever waits for it stops what has been started. */
  interrupt(): void {
    this.#isInterrupted = true;
    this.#services?.interrupt();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopInOrder();
    return this.#stopping;
  }

  async #stopInOrder(): Promise<void> {
    this.#control?.close();
    await this.#services?.stop();
    await this.#database?.stop();
    this.#state.release();
  }

  #goOnUnlessInterrupted(): void {
    if (this.#isInterrupted) throw new StackError('the start was interrupted');
  }

  async #openControl(services: StackServices): Promise<void> {
    this.#control = await StackControl.open(this.#state.path, (service, onLine) =>
      services.group(service).rollingRestart((line) => {
        this.#onLine(line);
        onLine(line);
      }),
    );
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

  #handle(
    facts: Pick<LocalStack, 'urls' | 'databaseUrl' | 'secrets' | 'devUser'>,
    services: StackServices,
  ): LocalStack {
    const database = this.#database;
    return {
      ...facts,
      logsFolder: this.#state.logsFolder,
      get databasePid() {
        return database?.pid;
      },
      child: (name) => services.group(name),
      replicas: (name) => services.group(name).replicas,
      rollingRestart: (name) => services.group(name).rollingRestart(this.#onLine),
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
