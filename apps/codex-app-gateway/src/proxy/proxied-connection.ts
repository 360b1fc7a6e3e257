import { CLOSE_CODES } from '@codex-gateways/service';
import { type FrameSocket, isSendableCloseCode } from '@codex-gateways/websocket';
import type { AppServerLease } from '../app-server/app-server.ts';
import type { ApprovalDesk } from '../approvals/approval-desk.ts';
import type { Limits } from '../config.ts';
import type { Guard } from '../guard/guard.ts';
import { type Closing, closeSocket, closing } from './close-forwarding.ts';
import { Liveness } from './liveness.ts';
import { Outlet } from './outlet.ts';
import { turnEventOf } from './turn-events.ts';
import { warnOfEndedAccess } from './warning.ts';

/** How long the end of the process is waited for, to tell the client the reason, once its socket broke. */
const END_REASON_WAIT_MS = 1000;
const BROKEN = 'the connection to the app-server broke';

export type ConnectionLimits = Pick<
  Limits,
  'bufferHighWaterBytes' | 'bufferCapBytes' | 'pingIntervalMs' | 'pingTimeoutMs' | 'connectionIdleMs'
>;

export type FrameDirection = 'to_app_server' | 'to_client';

/** Learns what passes. */
export interface ConnectionObserver {
  frame(direction: FrameDirection, sizeBytes: number): void;
  refused(method: string, kind: string): void;
  closed(code: number): void;
}

export interface ProxiedConnectionOptions {
  /** The client's socket; both are open and paused. */
  readonly client: FrameSocket;
  readonly upstream: FrameSocket;
  readonly lease: AppServerLease;
  readonly guard: Guard;
  readonly approvals: ApprovalDesk;
  readonly limits: ConnectionLimits;
  readonly observer: ConnectionObserver;
}

/**
 * One client and its socket to the app-server: frames go both ways as they are, what the guard does not let through is
 * answered here, and what ends on one side ends on the other. Owns both sockets and the lease.
 */
export class ProxiedConnection {
  readonly #options: ProxiedConnectionOptions;
  readonly #toClient: Outlet;
  readonly #toUpstream: Outlet;
  readonly #clientLife: Liveness;
  readonly #upstreamLife: Liveness;
  #lastMessageAtMs = performance.now();
  #closing: Closing | undefined;
  /** Settles when both sockets are closed and the lease is given back. */
  readonly closed: Promise<Closing>;

  constructor(options: ProxiedConnectionOptions) {
    this.#options = options;
    const { client, upstream, limits } = options;
    const looksAllowed = Math.ceil(limits.pingTimeoutMs / limits.pingIntervalMs);
    this.#clientLife = new Liveness(client, looksAllowed);
    this.#upstreamLife = new Liveness(upstream, looksAllowed);
    this.#toClient = this.#outletTo(client, this.#clientLife);
    this.#toUpstream = this.#outletTo(upstream, this.#upstreamLife);
    this.closed = this.#watchClose();
    this.#forwardFromClient();
    this.#forwardFromUpstream();
    this.#watchLiveness();
    options.lease.onStopping((reason) => this.close(closing('goingAway', reason)));
    client.resume();
    upstream.resume();
  }

  /** Bytes that wait to be sent, both directions. */
  get bufferedBytes(): number {
    return this.#toClient.bufferedBytes + this.#toUpstream.bufferedBytes;
  }

  /** Ends the connection; the first closing is the one that the client is told. */
  close(how: Closing): void {
    if (this.#closing) return;
    this.#closing = how;
    warnOfEndedAccess(this.#options.client, how);
    closeSocket(this.#options.client, how);
    closeSocket(this.#options.upstream, isSendableCloseCode(how.code) ? how : closing('normal', ''));
  }

  #outletTo(socket: FrameSocket, life: Liveness): Outlet {
    const { bufferHighWaterBytes: highWaterBytes, bufferCapBytes: capBytes } = this.#options.limits;
    return new Outlet(
      socket,
      { highWaterBytes, capBytes },
      {
        progress: () => life.seen(),
        overflow: () => this.close(closing('bufferFull', 'the other side does not read fast enough')),
      },
    );
  }

  #forwardFromClient(): void {
    const { client, guard, observer } = this.#options;
    client.on('message', (data: Buffer, isBinary: boolean) => {
      if (this.#closing) return;
      this.#lastMessageAtMs = performance.now();
      this.#clientLife.seen();
      observer.frame('to_app_server', data.length);
      if (isBinary) return this.close(closing('unsupportedData', 'messages are JSON in text frames'));
      const verdict = guard.inspect(data);
      if (verdict.kind !== 'forward') observer.refused(verdict.method, verdict.why);
      else if (verdict.text === undefined) this.#toUpstream.forward(client);
      else this.#toUpstream.send(verdict.text);
      if (verdict.kind === 'answer') this.#toClient.send(verdict.text);
      const source = { source: client, life: this.#clientLife };
      if (this.#toUpstream.isFull) pauseUntilDrained(source, this.#toUpstream);
      // Who does not read our answers is not read either: they must not pile up here.
      else if (verdict.kind === 'answer' && this.#toClient.isFull) pauseUntilDrained(source, this.#toClient);
    });
  }

  #forwardFromUpstream(): void {
    const { upstream, lease, approvals, observer } = this.#options;
    upstream.on('message', (data: Buffer) => {
      if (this.#closing) return;
      this.#lastMessageAtMs = performance.now();
      this.#upstreamLife.seen();
      observer.frame('to_client', data.length);
      const answer = approvals.answer(data);
      if (answer !== undefined) return this.#toUpstream.send(answer);
      const event = turnEventOf(data);
      if (event?.kind === 'started') lease.turnStarted(event.turnId);
      this.#toClient.forward(upstream);
      if (event?.kind === 'completed') lease.turnEnded(event.turnId);
      if (this.#toClient.isFull) pauseUntilDrained({ source: upstream, life: this.#upstreamLife }, this.#toClient);
    });
  }

  #watchLiveness(): void {
    const { pingIntervalMs, connectionIdleMs } = this.#options.limits;
    const look = () => {
      if (performance.now() - this.#lastMessageAtMs > connectionIdleMs) {
        this.close(closing('normal', 'no message for a long time'));
      } else if (this.#clientLife.look()) {
        this.close(closing('pingTimeout', 'no sign of life from the client'));
      } else if (this.#upstreamLife.look()) {
        this.#options.lease.suspect();
        this.close(closing('internalError', 'the app-server gives no sign of life'));
      }
    };
    const timer = setInterval(look, pingIntervalMs).unref();
    void this.closed.then(() => clearInterval(timer));
  }

  async #watchClose(): Promise<Closing> {
    const { client, upstream, lease, observer } = this.#options;
    client.on('error', () => undefined); // a close follows
    upstream.on('error', () => undefined);
    const clientClosed = new Promise<void>((resolve) => {
      client.once('close', (code: number, reason: Buffer) => {
        this.close({ code, reason: String(reason) });
        resolve();
      });
    });
    const upstreamClosed = new Promise<void>((resolve) => {
      upstream.once('close', (code: number, reason: Buffer) => {
        void this.#closeAfterUpstream(code, String(reason)).then(resolve);
      });
    });
    await Promise.all([clientClosed, upstreamClosed]);
    const how = this.#closing ?? closing('internalError', '');
    lease.release({ accessEnded: how.code === CLOSE_CODES.unauthorized.code });
    observer.closed(how.code);
    return how;
  }

  /** An orderly end is passed on; a broken socket mostly means that the process ended, which says why in a moment. */
  async #closeAfterUpstream(code: number, reason: string): Promise<void> {
    if (this.#closing) return;
    if (isSendableCloseCode(code)) return this.close({ code, reason });
    let timer: NodeJS.Timeout | undefined;
    const unknown = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(BROKEN), END_REASON_WAIT_MS);
    });
    const why = await Promise.race([this.#options.lease.appServer.ended ?? BROKEN, unknown]);
    clearTimeout(timer);
    this.close(closing('internalError', why));
  }
}

function pauseUntilDrained({ source, life }: { source: FrameSocket; life: Liveness }, outlet: Outlet): void {
  source.pause();
  outlet.onceDrained(() => {
    life.seen(); // it could not be heard until now
    source.resume();
  });
}
