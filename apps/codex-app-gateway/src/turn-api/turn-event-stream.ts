import { HttpError, requestIdOf } from '@codex-gateways/service';
import type { Request, Response } from 'express';
import { asRefusal } from '../proxy/upgrade-refusal.ts';

/** Proxies in between close what is silent for long. */
const SIGN_OF_LIFE_MS = 15_000;

/** One answer as server-sent events (HTML Living Standard §9.2). */
export class TurnEventStream {
  readonly #res: Response;
  readonly #maxUnsentBytes: number;
  readonly #timer: NodeJS.Timeout;

  /** @param maxUnsentBytes - kept for a client that reads slowly; with more it loses its connection, and its turn is interrupted */
  constructor(res: Response, { maxUnsentBytes }: { maxUnsentBytes: number }) {
    this.#res = res;
    this.#maxUnsentBytes = maxUnsentBytes;
    res
      .status(200)
      .set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
    res.flushHeaders();
    this.#timer = setInterval(() => res.write(': still running\n\n'), SIGN_OF_LIFE_MS).unref();
    res.once('close', () => clearInterval(this.#timer));
  }

  send(event: string, data: object): void {
    const res = this.#res;
    if (res.writableEnded || res.destroyed) return;
    res.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    if (res.writableLength > this.#maxUnsentBytes) res.destroy();
  }

  /** Undefined while the caller reads as fast as is written; else settles when it has caught up, or has left. */
  whenRoom(): Promise<void> | undefined {
    const res = this.#res;
    if (!res.writableNeedDrain || res.destroyed) return undefined;
    return new Promise((resolve) => {
      const settle = () => {
        res.off('drain', settle).off('close', settle);
        resolve();
      };
      res.on('drain', settle).on('close', settle);
    });
  }

  /** The status has been sent long ago, so an error is the last event. */
  fail(error: unknown, req: Request): void {
    const known =
      asRefusal(error) ?? new HttpError(500, 'internal_error', `internal error, request ${requestIdOf(req)}`);
    this.send('error', { error: { code: known.code, message: known.message } });
    this.end();
  }

  end(): void {
    this.#res.end();
  }
}
