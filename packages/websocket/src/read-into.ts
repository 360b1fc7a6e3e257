import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isPlainSocket } from './plain-socket.ts';

/** @returns false to stop reading, which `resume` begins again */
type OnRead = (bytes: number) => boolean;

/** What Node.js keeps in a socket that was made with `onread`: under which names. */
interface OnReadNames {
  readonly buffer: symbol;
  readonly callback: symbol;
}

interface Handle {
  useUserBuffer(buffer: Uint8Array): void;
}

const names = namesOfOnRead();

/**
 * Has a socket read into this memory from now on, again and again, instead of new memory for each chunk: what `onread` of
 * `net.connect` does. Node.js offers it for connections that one opens oneself only, so what it sets is set here for others too.
 * @returns false when the socket, or this Node.js, is not as it has to be for that; `data` events come then, as ever
 */
export function readInto(socket: Duplex, memory: Buffer, onRead: OnRead): boolean {
  if (!names || !isPlainSocket(socket)) return false;
  const fields = socket as unknown as Record<symbol, unknown> & { readonly _handle?: Partial<Handle> | null };
  const handle = fields._handle;
  if (typeof handle?.useUserBuffer !== 'function' || fields[names.buffer] !== null) return false;
  fields[names.buffer] = memory;
  fields[names.callback] = onRead;
  handle.useUserBuffer(memory);
  return true;
}

/** Looked up in a socket that was made with `onread`; undefined where it is kept otherwise. */
function namesOfOnRead(): OnReadNames | undefined {
  const onread = { buffer: new Uint8Array(1), callback: () => true };
  const socket = new Socket({ onread } as ConstructorParameters<typeof Socket>[0]);
  const fields = socket as unknown as Record<symbol, unknown>;
  const nameOf = (value: unknown) => Object.getOwnPropertySymbols(socket).filter((name) => fields[name] === value);
  const [buffer, ...otherBuffers] = nameOf(onread.buffer);
  const [callback, ...otherCallbacks] = nameOf(onread.callback);
  socket.destroy();
  return buffer && callback && otherBuffers.length + otherCallbacks.length === 0 ? { buffer, callback } : undefined;
}
