import { once } from 'node:events';
import { request } from 'node:http';

// The load generator's own WebSocket: frames are made beforehand and counted, not read, so that it costs little beside a relay.
const KEY = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
const MASKED_PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
const PLAIN_PONG = Buffer.from([0x8a, 0]);
const PING = 0x89;
const CLOSE = 0x88;

/** Where the stream id begins and ends in a relay frame as the CLI makes it. */
const ID_START = 4;
const ID_END = ID_START + 36;

/** The id of a stream by its number, below 100, which its last two digits are: as long as a UUID. */
export function streamIdOf(number) {
  return `0f8fad5b-d9cb-469f-a165-7086772895${String(number).padStart(2, '0')}`;
}

/** A relay frame with data, `bytes` long in all. */
export function relayFrame(streamId, bytes) {
  const head = Buffer.concat([Buffer.from([0x08, 1, 0x12, streamId.length]), Buffer.from(streamId)]);
  for (let payloadBytes = bytes - head.length - 2; ; payloadBytes -= 1) {
    const frame = Buffer.concat([head, Buffer.from([0x2a]), varint(payloadBytes), Buffer.alloc(payloadBytes, 0x5a)]);
    if (frame.length <= bytes) return frame;
  }
}

function varint(value) {
  const bytes = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** A message as it is on the wire, binary, masked if a client sends it. */
export function wireFrame(message, isClient) {
  const { length } = message;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x82;
  head[1] = (isClient ? 0x80 : 0) | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  if (!isClient) return Buffer.concat([head, message]);
  return Buffer.concat([head, KEY, message.map((byte, index) => byte ^ KEY[index & 3])]);
}

/** Opens a WebSocket as a client. */
export async function dial(url) {
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  const req = request(url.replace(/^ws/, 'http'), { headers, agent: false });
  const refused = once(req, 'response').then(([res]) => {
    throw new Error(`refused with ${res.statusCode}: ${url.split('?')[0]}`);
  });
  req.end();
  const [, socket, head] = await Promise.race([once(req, 'upgrade'), refused]);
  return new RawPeer(socket, { isClient: true, head });
}

export class RawPeer {
  /** Called at the end of each message with the number of its stream. */
  onMessage = () => {};
  #stream = 0;
  #rest = 0;
  #carry = Buffer.alloc(0);

  constructor(socket, { isClient, head }) {
    this.socket = socket;
    this.isClient = isClient;
    socket.setNoDelay();
    if (head.length > 0) socket.unshift(head);
    socket.on('error', () => socket.destroy());
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
      if (this.#rest === 0) this.onMessage(this.#stream);
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
    if (bytes[offset] === CLOSE) throw new Error(`closed with ${bytes.readUInt16BE(offset + 2)}`);
    if (bytes[offset] === PING) {
      this.socket.write(this.isClient ? MASKED_PONG : PLAIN_PONG);
      return offset + headBytes + keyBytes;
    }
    if (bytes.length - offset < headBytes + keyBytes + ID_END) return undefined;
    this.#stream = readNumber(bytes, offset + headBytes + keyBytes + ID_END - 2, keyBytes > 0);
    this.#rest = length + keyBytes;
    return offset + headBytes;
  }
}

/** Two digits; masked ones stand at a place whose remainder by four is 2. */
function readNumber(bytes, offset, isMasked) {
  const [tens, units] = isMasked
    ? [bytes[offset] ^ KEY[(ID_END - 2) & 3], bytes[offset + 1] ^ KEY[(ID_END - 1) & 3]]
    : [bytes[offset], bytes[offset + 1]];
  return (tens - 0x30) * 10 + (units - 0x30);
}
