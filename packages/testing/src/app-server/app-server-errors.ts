import type { IncomingHttpHeaders } from 'node:http';

/** The server answered the upgrade with an HTTP status instead of a websocket. */
export class UpgradeRefusedError extends Error {
  override readonly name = 'UpgradeRefusedError';
  constructor(
    readonly status: number,
    readonly headers: IncomingHttpHeaders,
    readonly body: string,
  ) {
    super(`the upgrade was refused with status ${status}: ${body}`);
  }
}

/** The server answered a request with a JSON-RPC error. */
export class AppServerError extends Error {
  override readonly name = 'AppServerError';
  constructor(
    method: string,
    readonly code: number,
    readonly data: unknown,
    readonly serverMessage: string,
  ) {
    super(`${method} was answered with error ${code}: ${serverMessage}`);
  }
}
