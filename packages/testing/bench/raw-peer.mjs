import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request } from 'node:http';

// A load generator's own WebSocket: frames are made beforehand and counted, not read, so that it costs little beside what is measured.
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const KEY = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
const MASKED_PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
const PLAIN_PONG = Buffer.from([0x8a, 0]);
const PING = 0x89;
const CLOSE = 0x88;

/** The byte `index` of a payload, not masked, when a client sent it masked. */
export function unmasked(byte, index) {
  return byte ^ KEY[index & 3];
}

/** A message as it is on the wire, binary unless told otherwise, masked if a client sends it. */
export function wireFrame(message, isClient, { isText = false } = {}) {
  const { length } = message;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = isText ? 0x81 : 0x82;
  head[1] = (isClient ? 0x80 : 0) | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  if (!isClient) return Buffer.concat([head, message]);
  return Buffer.concat([head, KEY, message.map((byte, index) => byte ^ KEY[index & 3])]);
}

/** Opens a WebSocket as a client. */
export async function dial(url, { headers = {}, ...options } = {}) {
  const handshake = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  const req = request(url.replace(/^ws/, 'http'), { headers: { ...headers, ...handshake }, agent: false });
  const refused = once(req, 'response').then(([res]) => {
    throw new Error(`refused with ${res.statusCode}: ${url.split('?')[0]}`);
  });
  req.end();
  const [, socket, head] = await Promise.race([once(req, 'upgrade'), refused]);
  return new RawPeer(socket, { ...options, isClient: true, head });
}

/** A WebSocket server: calls back with each peer. */
export async function listen(port, onPeer, options = {}) {
  const server = createServer().listen(port, '127.0.0.1');
  server.on('upgrade', (req, socket, head) => {
    const accept = createHash('sha1')
      .update(req.headers['sec-websocket-key'] + GUID)
      .digest('base64');
    const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
    socket.write([...lines, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'));
    onPeer(new RawPeer(socket, { ...options, isClient: false, head }));
  });
  await once(server, 'listening');
}

/** Looks at nothing of a message. */
const NO_LABEL = { bytes: 0, read: () => undefined };

export class RawPeer {
  /** Called at the end of each message with its label. */
  onMessage = () => {};
  #label;
  #current;
  #rest = 0;
  #carry = Buffer.alloc(0);

  /**
   * @param options.label - what the messages of the peer are told apart by: `read(bytes, offset, isMasked)` finds it in the first `bytes` of
   *   a payload, which begins at `offset`
   */
  constructor(socket, { isClient, head, label = NO_LABEL }) {
    this.socket = socket;
    this.isClient = isClient;
    this.#label = label;
    socket.setNoDelay();
    if (head.length > 0) socket.unshift(head);
    socket.on('error', () => socket.destroy());
    // Sockets of an HTTP server would stay half open; a port that waits for its end makes the next connection dearer.
    socket.on('end', () => socket.resetAndDestroy());
    socket.on('data', (chunk) => this.#count(chunk));
  }

  /** Finds the data frames that end in a chunk, and answers pings. What is sent meanwhile leaves together. */
  #count(chunk) {
    let bytes = chunk;
    if (this.#carry.length > 0) {
      bytes = Buffer.concat([this.#carry, chunk]);
      this.#carry = Buffer.alloc(0);
    }
    let offset = 0;
    this.socket.cork();
    while (offset < bytes.length) {
      if (this.#rest === 0) {
        const next = this.#begin(bytes, offset);
        if (next === undefined) {
          this.#carry = Buffer.from(bytes.subarray(offset));
          break;
        }
        offset = next;
        if (this.#rest === 0) continue;
      }
      const taken = Math.min(this.#rest, bytes.length - offset);
      this.#rest -= taken;
      offset += taken;
      if (this.#rest === 0) this.onMessage(this.#current);
    }
    this.socket.uncork();
  }

  #begin(bytes, offset) {
    if (bytes.length - offset < 2) return undefined;
    const short = bytes[offset + 1] & 0x7f;
    const keyBytes = bytes[offset + 1] & 0x80 ? 4 : 0;
    const headBytes = 2 + (short < 126 ? 0 : short === 126 ? 2 : 8);
    if (bytes.length - offset < headBytes) return undefined;
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(offset + 2) : Number(bytes.readBigUInt64BE(offset + 2));
    if (bytes[offset] === CLOSE) return this.#closed(bytes, offset);
    if (bytes[offset] === PING) {
      this.socket.write(this.isClient ? MASKED_PONG : PLAIN_PONG);
      return offset + headBytes + keyBytes;
    }
    const start = offset + headBytes + keyBytes;
    if (bytes.length < start + this.#label.bytes) return undefined;
    this.#current = this.#label.read(bytes, start, keyBytes > 0);
    this.#rest = length + keyBytes;
    return offset + headBytes;
  }

  /** Nobody is told goodbye in the middle of a measurement; a server's peers come and go. */
  #closed(bytes, offset) {
    if (this.isClient) throw new Error(`closed with ${bytes.readUInt16BE(offset + 2)}`);
    this.socket.destroy();
    return bytes.length;
  }
}
