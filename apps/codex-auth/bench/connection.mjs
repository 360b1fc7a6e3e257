import { connect } from 'node:net';

const END_OF_HEAD = '\r\n\r\n';

/**
 * One keep-alive HTTP/1.1 connection that sends a request at a time. It is as plain as it can be, because it shares the cores with what it
 * measures: an answer must have a Content-Length, as all of those measured here do.
 */
export class Connection {
  #socket;
  #host;
  #received = '';
  #endOfBody = -1;
  #waiting;

  constructor(url) {
    const { hostname, port, host } = new URL(url);
    this.#host = host;
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (chunk) => this.#onData(chunk));
    this.#socket.on('close', () => this.#waiting?.reject(new Error('the connection was closed')));
    this.#socket.on('error', (error) => this.#waiting?.reject(error));
  }

  /** @returns the status and the body, which is ASCII */
  send(request) {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(textOf(request, this.#host), 'latin1');
    });
  }

  close() {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #onData(chunk) {
    this.#received += chunk;
    if (this.#endOfBody < 0) this.#readHead();
    if (this.#endOfBody < 0 || this.#received.length < this.#endOfBody) return;
    const text = this.#received;
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    this.#received = '';
    this.#endOfBody = -1;
    resolve({ status: Number(text.slice(9, 12)), text: text.slice(text.indexOf(END_OF_HEAD) + END_OF_HEAD.length) });
  }

  #readHead() {
    const end = this.#received.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const [, length] = /content-length: *(\d+)/i.exec(this.#received.slice(0, end)) ?? [];
    if (length === undefined) throw new Error(`an answer without a length: ${this.#received}`);
    this.#endOfBody = end + END_OF_HEAD.length + Number(length);
  }
}

/** The request as it goes out, made once for one that is sent again and again. */
function textOf(request, host) {
  request.text ??= [
    `POST ${request.path} HTTP/1.1`,
    `host: ${host}`,
    ...Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(request.body)}`,
    '',
    request.body,
  ].join('\r\n');
  return request.text;
}
