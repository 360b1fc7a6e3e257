import { once } from 'node:events';
import { waitFor } from '@codex-gateways/testing';
import { WebSocket } from 'ws';
import { PATIENCE_MS } from './patience.ts';

/** The other end of a WebSocket of the gateway: an executor or a harness of a test. */
export class Peer {
  readonly ws: WebSocket;
  readonly frames: Buffer[] = [];
  /** Code and reason, once it is closed. */
  closed: { code: number; reason: string } | undefined;

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data: Buffer) => this.frames.push(data));
    ws.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    ws.on('error', () => undefined);
  }

  send(frame: Buffer): void {
    this.ws.send(frame, { binary: true });
  }

  /** Waits until `count` frames have come and gives them. */
  async receive(count: number): Promise<Buffer[]> {
    await waitFor(() => this.frames.length >= count || this.closed !== undefined, {
      timeoutMs: PATIENCE_MS,
      describe: () => `${count} frames; ${this.frames.length} have come`,
    });
    if (this.frames.length < count) {
      throw new Error(`closed (${JSON.stringify(this.closed)}) after ${this.frames.length} of ${count} frames`);
    }
    return this.frames;
  }

  async waitForClose(): Promise<{ code: number; reason: string }> {
    return waitFor(() => this.closed, {
      timeoutMs: PATIENCE_MS,
      describe: () => `the connection to be closed, on which ${this.frames.length} frames have come`,
    });
  }

  close(): void {
    this.ws.close();
  }
}

export type ConnectOutcome =
  | { readonly kind: 'open'; readonly peer: Peer }
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly body: string;
      readonly headers: Record<string, unknown>;
    };

/** Opens a WebSocket or tells how it was refused. */
export async function tryConnect(url: string, headers: Record<string, string> = {}): Promise<ConnectOutcome> {
  const ws = new WebSocket(url, { headers, perMessageDeflate: false });
  return new Promise((resolve, reject) => {
    ws.once('open', () => resolve({ kind: 'open', peer: new Peer(ws) }));
    ws.once('error', reject);
    ws.once('unexpected-response', async (_req, res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      await once(res, 'end').catch(() => undefined);
      resolve({
        kind: 'refused',
        status: res.statusCode ?? 0,
        body: Buffer.concat(chunks).toString('utf8'),
        headers: res.headers,
      });
    });
  });
}

export async function connect(url: string, headers: Record<string, string> = {}): Promise<Peer> {
  const outcome = await tryConnect(url, headers);
  if (outcome.kind === 'open') return outcome.peer;
  throw new Error(`refused with ${outcome.status}: ${outcome.body}`);
}

/** The status of a refusal; 101 when the WebSocket was opened, which is then closed. */
export async function upgradeStatus(url: string, headers: Record<string, string> = {}): Promise<number> {
  const outcome = await tryConnect(url, headers);
  if (outcome.kind === 'refused') return outcome.status;
  outcome.peer.close();
  return 101;
}
