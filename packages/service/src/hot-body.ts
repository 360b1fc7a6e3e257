import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { HttpError } from './http-error.ts';

export type HotMediaType = 'application/json' | 'application/x-www-form-urlencoded';

/**
 * The media type of a body that can be read without a parser of its own: of a known length within the limit, in one piece, not
 * compressed, in UTF-8. Undefined for any other.
 */
export function plainMediaType(headers: IncomingHttpHeaders, maxBodyBytes: number): HotMediaType | undefined {
  const length = Number(headers['content-length']);
  const isPlain = headers['transfer-encoding'] === undefined && headers['content-encoding'] === undefined;
  if (!isPlain || !(length > 0 && length <= maxBodyBytes)) return undefined;
  const type = headers['content-type'] ?? '';
  return MEDIA_TYPES.get(type) ?? MEDIA_TYPES.get(type.toLowerCase().replaceAll(' ', ''));
}

const MEDIA_TYPES: ReadonlyMap<string, HotMediaType> = new Map([
  ['application/json', 'application/json'],
  ['application/json;charset=utf-8', 'application/json'],
  ['application/x-www-form-urlencoded', 'application/x-www-form-urlencoded'],
  ['application/x-www-form-urlencoded;charset=utf-8', 'application/x-www-form-urlencoded'],
]);

/**
 * What the body says: an object or an array for JSON, as express.json gives it, or the text of a form.
 * @throws {HttpError} 400: not JSON, or cut off
 */
export async function readPlainBody(req: IncomingMessage, mediaType: HotMediaType): Promise<unknown> {
  const text = withoutByteOrderMark((await bytesOf(req)).toString('utf8'));
  return mediaType === 'application/json' ? parseJson(text) : text;
}

function bytesOf(req: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      req.off('close', cutOff); // every request closes in the end, and an error costs more than all the rest here
      const [only] = chunks;
      resolve(chunks.length === 1 && only ? only : Buffer.concat(chunks));
    });
    const cutOff = () => reject(new HttpError(400, 'invalid_request', 'the request was aborted'));
    req.on('error', cutOff);
    req.on('close', cutOff);
  });
}

function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below, without what the body holds.
  }
  throw new HttpError(400, 'invalid_request', 'the request body is not valid JSON');
}

function withoutByteOrderMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}
