import { StartError } from '@codex-gateways/runtime';
import { z } from 'zod';

/** The environment as a service sees it: a plain record, so that tests pass their own. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Every problem of a configuration at once, one line each; no line repeats a value. */
export class ConfigError extends StartError {
  override readonly name = 'ConfigError';
  constructor(readonly problems: readonly string[]) {
    super(`the configuration is not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

const DURATION_UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type DurationUnit = keyof typeof DURATION_UNIT_MS;

/** The variable that permits what only a developer's own machine may do, such as empty secrets. */
export const DEV_MODE_VARIABLE = 'CODEX_GATEWAYS_DEV';

/**
 * Reads a service's environment, collecting every problem before `finish` throws them together. A variable that is set to
 * an empty text counts as not set. A malformed value is a problem, never silently the default.
 */
export class EnvReader {
  readonly #env: Environment;
  readonly #problems: string[] = [];

  constructor(env: Environment) {
    this.#env = env;
  }

  /** True when `CODEX_GATEWAYS_DEV=1`. */
  get isDevMode(): boolean {
    return this.#env[DEV_MODE_VARIABLE] === '1';
  }

  /** @throws {ConfigError} when anything read before was missing or malformed */
  finish<Config>(config: Config): Config {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems);
    return config;
  }

  /** A text; without `default` it is required. */
  text(name: string, options: { default?: string; pattern?: RegExp; expected?: string } = {}): string {
    const value = this.#value(name) ?? options.default;
    if (value === undefined) return this.#problem(name, 'is required', '');
    if (value !== options.default && options.pattern && !options.pattern.test(value)) {
      return this.#problem(name, `must be ${options.expected ?? 'of another form'}`, value);
    }
    return value;
  }

  optionalText(name: string): string | undefined {
    return this.#value(name);
  }

  oneOf<const Value extends string>(name: string, allowed: readonly Value[], fallback: Value): Value {
    const value = this.#value(name) ?? fallback;
    const found = allowed.find((candidate) => candidate === value);
    return found ?? this.#problem(name, `must be one of ${allowed.join(', ')}`, fallback);
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.#value(name)?.toLowerCase();
    if (value === undefined) return fallback;
    if (value === '1' || value === 'true') return true;
    if (value === '0' || value === 'false') return false;
    return this.#problem(name, 'must be true or false', fallback);
  }

  integer(name: string, { min, max, default: fallback }: { min: number; max: number; default: number }): number {
    const value = this.#value(name);
    if (value === undefined) return fallback;
    const parsed = z
      .string()
      .regex(/^-?\d+$/)
      .transform(Number)
      .pipe(z.number().int().min(min).max(max))
      .safeParse(value);
    return parsed.success ? parsed.data : this.#problem(name, `must be a whole number from ${min} to ${max}`, fallback);
  }

  /** A TCP port; 0 asks the system for a free one. */
  port(name: string, fallback: number): number {
    return this.integer(name, { min: 0, max: 65_535, default: fallback });
  }

  /** Milliseconds from a text such as `500ms`, `30s`, `10m`, `1h` or `30d`; bounds and default in the same form. */
  durationMs(name: string, { min, max, default: fallback }: { min: string; max: string; default: string }): number {
    const value = this.#value(name) ?? fallback;
    const parsed = parseDurationMs(value);
    const minMs = parseDurationMs(min) ?? 0;
    const maxMs = parseDurationMs(max) ?? Number.POSITIVE_INFINITY;
    if (parsed !== undefined && parsed >= minMs && parsed <= maxMs) return parsed;
    return this.#problem(name, `must be a duration from ${min} to ${max}, such as ${fallback}`, minMs);
  }

  /** As `durationMs`, in whole seconds, the unit of every token lifetime. */
  durationSeconds(name: string, bounds: { min: string; max: string; default: string }): number {
    return Math.floor(this.durationMs(name, bounds) / 1000);
  }

  /** An absolute http(s) URL without query or fragment, given back without a trailing slash. */
  httpUrl(name: string, options: { default?: string } = {}): string {
    return this.#url(name, ['http:', 'https:'], options.default);
  }

  /** As `httpUrl`; undefined when it is not set. */
  optionalHttpUrl(name: string): string | undefined {
    return this.#value(name) === undefined ? undefined : this.httpUrl(name);
  }

  /** An absolute ws(s) URL without query or fragment, given back without a trailing slash. */
  wsUrl(name: string, options: { default?: string } = {}): string {
    return this.#url(name, ['ws:', 'wss:'], options.default);
  }

  /** A comma-separated list, blanks dropped. */
  list(name: string): readonly string[] {
    return (this.#value(name) ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  }

  /** The URL of a PostgreSQL database, a secret because it may hold a password; required. */
  databaseUrl(name: string): string {
    const value = this.#value(name);
    if (value === undefined) return this.#problem(name, 'is required', '');
    if (/^postgres(ql)?:\/\//.test(value)) return value;
    return this.#problem(name, 'must be a URL such as postgresql://user:password@host:5432/database', '');
  }

  /**
   * A secret that services share. Required, and at least 16 characters; in development mode it may be empty, which
   * turns the check that it feeds off.
   */
  sharedSecret(name: string): string {
    const value = this.#value(name);
    if (value === undefined) {
      return this.isDevMode
        ? ''
        : this.#problem(name, `is required (it may be empty only with ${DEV_MODE_VARIABLE}=1)`, '');
    }
    return value.length >= 16 || this.isDevMode ? value : this.#problem(name, 'must have at least 16 characters', '');
  }

  /** A value of the caller's own form: `parse` throws for a bad one, and its message must not contain the value. */
  parsed<Value>(name: string, parse: (text: string) => Value, fallback: Value): Value {
    const value = this.#value(name);
    if (value === undefined) return this.#problem(name, 'is required', fallback);
    try {
      return parse(value);
    } catch (error) {
      return this.#problem(name, error instanceof Error ? error.message : 'is malformed', fallback);
    }
  }

  /** As `parsed`, with a default. */
  optionalParsed<Value>(
    name: string,
    parse: (text: string) => Value,
    { default: fallback }: { default: Value },
  ): Value {
    return this.#value(name) === undefined ? fallback : this.parsed(name, parse, fallback);
  }

  /** A comma-separated list whose items have the caller's own form; see `parsed`. */
  parsedList<Value>(name: string, parse: (text: string) => Value): readonly Value[] {
    try {
      return this.list(name).map(parse);
    } catch (error) {
      return this.#problem(name, error instanceof Error ? error.message : 'is malformed', []);
    }
  }

  #url(name: string, protocols: readonly string[], fallback: string | undefined): string {
    const value = this.#value(name) ?? fallback;
    if (value === undefined) return this.#problem(name, 'is required', '');
    const url = URL.canParse(value) ? new URL(value) : undefined;
    const isBare = url && url.search === '' && url.hash === '' && url.username === '' && url.password === '';
    if (!isBare || !protocols.includes(url.protocol)) {
      return this.#problem(name, `must be an absolute ${protocols.join(' or ')} URL without query or credentials`, '');
    }
    return value.replace(/\/+$/, '');
  }

  #value(name: string): string | undefined {
    const value = this.#env[name];
    return value === undefined || value === '' ? undefined : value;
  }

  #problem<Fallback>(name: string, what: string, fallback: Fallback): Fallback {
    this.#problems.push(`${name} ${what}`);
    return fallback;
  }
}

/** Milliseconds of a text such as `30s`; undefined when it is none. */
export function parseDurationMs(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  return amount && unit ? Number(amount) * DURATION_UNIT_MS[unit as DurationUnit] : undefined;
}
