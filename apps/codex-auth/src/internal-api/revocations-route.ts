import { HttpError } from '@codex-gateways/service';
import type { RequestHandler, Response } from 'express';
import type { RevocationNotices } from '../revocation-notices/revocation-notices.ts';

const MAX_STREAMS = 256;
const HEARTBEAT_MS = 15_000;
// One who does not read this much has missed enough to begin anew.
const MAX_UNREAD_BYTES = 64 * 1024;

/**
 * `GET /internal/codex-auth/revocations`: a stream of events (text/event-stream) that ends with the reader or this replica. `ready`
 * comes first; `revoked` with `{user_id, workspace_id?, remote_token_id?}` says whose access has ended; `missed` says that some of them may
 * have been missed, as they are between two streams too.
 * @param heartbeatMs - between two comments that show that the stream works
 */
export function revocationsRoute({
  notices,
  heartbeatMs = HEARTBEAT_MS,
}: {
  notices: Pick<RevocationNotices, 'subscribe' | 'subscriberCount'>;
  heartbeatMs?: number;
}): RequestHandler {
  return (req, res) => {
    if (!req.headers.accept?.includes('text/event-stream')) {
      throw new HttpError(406, 'not_acceptable', 'this is a stream of events: Accept: text/event-stream');
    }
    if (notices.subscriberCount >= MAX_STREAMS) {
      throw new HttpError(503, 'too_many_streams', 'as many streams as there may be', RETRY);
    }
    res
      .status(200)
      .set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
    if (req.method === 'HEAD') {
      res.end();
      return;
    }
    stream(res, notices, heartbeatMs);
  };
}

const RETRY = { headers: { 'Retry-After': '30' } };

function stream(res: Response, notices: Pick<RevocationNotices, 'subscribe'>, heartbeatMs: number): void {
  const write = (text: string) => {
    if (res.writableLength > MAX_UNREAD_BYTES) res.destroy();
    else res.write(text);
  };
  const event = (name: string, data: unknown) => write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  event('ready', { heartbeat_ms: heartbeatMs });
  const heartbeat = setInterval(() => write(':\n\n'), heartbeatMs);
  const unsubscribe = notices.subscribe({
    notice: (notice) => event('revoked', notice),
    missed: () => event('missed', {}),
    ended: () => res.end(),
  });
  res.once('close', () => {
    clearInterval(heartbeat);
    unsubscribe();
  });
}
