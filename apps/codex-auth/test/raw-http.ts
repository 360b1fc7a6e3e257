import { connect } from 'node:net';

/** An answer as it came over the socket. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** One request as it goes over the socket: nothing in it is checked, repeated headers and broken ones go as they are. */
export interface RawRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

const TIMEOUT_MS = 100_000;

/** Sends a request on a connection of its own. @throws when no answer comes */
export function sendRaw(port: number, { method, target, headers, body }: RawRequest): Promise<RawAnswer> {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const head = `${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n${lines}\r\n`;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1' });
    const finish = () => {
      const answer = parseAnswer(Buffer.concat(chunks).toString('utf8'));
      if (answer) resolve(answer);
      else reject(new Error(`no answer to ${method} ${target}`));
    };
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`${method} ${target} took too long`)));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', finish);
    // A server that has answered may close before it has read everything.
    socket.on('error', (error) => (chunks.length > 0 ? finish() : reject(error)));
    socket.write(head, 'latin1');
    socket.write(body);
  });
}

function parseAnswer(text: string): RawAnswer | undefined {
  const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(text) ?? [];
  const end = text.indexOf('\r\n\r\n');
  if (status === undefined || end < 0) return undefined;
  const headers = text
    .slice(0, end)
    .split('\r\n')
    .slice(1)
    .map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
  return { status: Number(status), headers: new Map(headers), body: text.slice(end + 4) };
}
