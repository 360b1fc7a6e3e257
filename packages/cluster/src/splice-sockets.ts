import { type FrameSocket, READY_STATES } from '@codex-gateways/websocket';

/** How long an end has to answer a close frame, and to read what is queued before it. */
const CLOSE_GRACE_MS = 2000;
/** What one queued message costs beside its bytes. */
const MESSAGE_OVERHEAD_BYTES = 512;
/** RFC 6455 §7.4.1: what is reported when there was no close frame, or one without a code. */
const NO_CLOSE_FRAME = 1006;
const NO_STATUS = 1005;
const MESSAGE_TOO_BIG = 1009;
/** The first state in which nothing is sent any more. */
const { closing: CLOSING, open: OPEN } = READY_STATES;

export interface SpliceOptions {
  /** From this much waiting for one end on, in bytes of memory, the other end is paused; from half of it on it may go on. */
  readonly highWaterBytes: number;
  /** What one end is told when the other is gone without a close frame. */
  readonly lost: { readonly code: number; readonly reason: string };
  /** Called once, as soon as either end closes or is lost; never before `spliceSockets` has returned. */
  readonly onEnd: () => void;
}

/** Two WebSockets that have become one connection. */
export interface Splice {
  /** Closes both ends with the same words. */
  close(code: number, reason: string): void;
}

/**
 * Joins two open WebSockets: every message of one goes to the other, in order, and a close with its
 * code and reason. Neither end's queue grows beyond the high water and one message. Takes both over, and resumes them.
 */
export function spliceSockets(near: FrameSocket, far: FrameSocket, options: SpliceOptions): Splice {
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    options.onEnd();
  };
  const passOn = (to: FrameSocket, code: number, reason: string) => {
    end();
    if (code === NO_CLOSE_FRAME) closeWithin(to, options.lost.code, options.lost.reason);
    else if (code === NO_STATUS) closeWithin(to);
    else closeWithin(to, code, reason);
  };
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    pump(from, to, options.highWaterBytes);
    from.once('close', (code, reason) => passOn(to, code, reason.toString()));
    from.on('error', (error) => {
      // It has been answered with 1009 already; the other end is told the same instead of a loss.
      if (error.closeCode === MESSAGE_TOO_BIG) passOn(to, MESSAGE_TOO_BIG, 'the message is too large');
    });
    if (from.readyState >= CLOSING) process.nextTick(passOn, to, NO_CLOSE_FRAME, '');
  }
  near.resume();
  far.resume();
  return {
    close(code, reason) {
      closeWithin(near, code, reason);
      closeWithin(far, code, reason);
      end();
    },
  };
}

function pump(from: FrameSocket, to: FrameSocket, highWaterBytes: number): void {
  let isPaused = false;
  const waitingBytes = () => to.bufferedAmount + to.queuedFrames * MESSAGE_OVERHEAD_BYTES;
  to.on('taken', () => {
    if (!isPaused || waitingBytes() > highWaterBytes / 2) return;
    isPaused = false;
    from.resume();
  });
  from.on('message', () => {
    if (to.readyState !== OPEN) return;
    to.forward(from);
    if (isPaused || waitingBytes() < highWaterBytes) return;
    isPaused = true;
    from.pause();
  });
}

function closeWithin(ws: FrameSocket, code?: number, reason?: string): void {
  if (ws.readyState >= CLOSING) return;
  ws.resume(); // the answer to the close frame has to be read
  ws.close(code, reason);
  const timer = setTimeout(() => ws.terminate(), CLOSE_GRACE_MS);
  timer.unref();
  ws.once('close', () => clearTimeout(timer));
}
