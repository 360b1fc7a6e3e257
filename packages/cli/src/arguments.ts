import { InvalidArgumentError } from 'commander';

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `30m`, `12h`, `90d`: milliseconds. @throws {InvalidArgumentError} */
export function parseDurationMs(text: string): number {
  const [, amount, unit] = /^([1-9]\d{0,5})([smhd])$/.exec(text) ?? [];
  if (amount === undefined) throw new InvalidArgumentError('It must be a duration such as 30m, 12h or 90d.');
  return Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

/** A TCP port. @throws {InvalidArgumentError} */
export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError('It must be a port from 0 (any free one) to 65535.');
}

/** Whole seconds up to an hour. @throws {InvalidArgumentError} */
export function parseSeconds(text: string): number {
  const seconds = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= 1 && seconds <= 3600) return seconds;
  throw new InvalidArgumentError('It must be a number of seconds from 1 to 3600.');
}
