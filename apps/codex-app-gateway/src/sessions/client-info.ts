import type { FrameSocket } from '@codex-gateways/websocket';

/** What a client says of itself in `initialize`. */
export interface ClientInfo {
  readonly name: string;
  readonly version: string | undefined;
}

// A client introduces itself with its first message; some send something before.
const MESSAGES_LOOKED_AT = 3;
const MAX_MESSAGE_BYTES = 64 * 1024;
const MAX_LENGTH = 100;

/**
 * Looks over the first messages of a client for what it calls itself. They go their way untouched: whether they may is for the guard
 * to say, wherever it is.
 */
export function onceIntroduced(client: Pick<FrameSocket, 'on' | 'off'>, listener: (info: ClientInfo) => void): void {
  let looksLeft = MESSAGES_LOOKED_AT;
  const look = (data: Buffer, isBinary: boolean) => {
    looksLeft -= 1;
    const info = isBinary || data.length > MAX_MESSAGE_BYTES ? undefined : clientInfoOf(data);
    if (info || looksLeft === 0) client.off('message', look);
    if (info) listener(info);
  };
  client.on('message', look);
}

function clientInfoOf(data: Buffer): ClientInfo | undefined {
  if (!data.includes('"initialize"')) return undefined;
  try {
    const { method, params } = JSON.parse(data.toString('utf8')) as {
      method?: unknown;
      params?: { clientInfo?: { name?: unknown; version?: unknown } };
    };
    const name = wordOf(params?.clientInfo?.name);
    return method === 'initialize' && name !== undefined
      ? { name, version: wordOf(params?.clientInfo?.version) }
      : undefined;
  } catch {
    return undefined; // which the guard refuses
  }
}

function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? printable(value, MAX_LENGTH) : undefined;
}

/** A text of somebody else, cut, without control characters and halves of surrogate pairs. */
export function printable(text: string, maxLength: number): string {
  return text.slice(0, maxLength).replace(/[\p{Cc}\p{Cs}]/gu, '');
}
