type LogMethod = (fields: object, message: string) => void;

/** The part of a pino logger that this package uses. Pass the service's own logger. */
export interface Log {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}

const ignore: LogMethod = () => undefined;

/** Drops every line: the default where a logger is optional. */
export const silentLog: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
