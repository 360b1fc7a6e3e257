import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

export interface VerifierAnswer {
  readonly status: number;
  /** The parsed body of a 200; undefined with every other status, whose body is not waited for. */
  readonly body: unknown;
}

// A yes is two ids.
const MAX_ANSWER_BYTES = 16 * 1024;
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

/**
 * One call of the verifier, as undici's dispatcher reports it: straight from the parser, since a stream, an abort signal and their
 * promises cost more than the rest of the call.
 */
export class VerificationCall implements Dispatcher.DispatchHandler {
  readonly answer: Promise<VerifierAnswer>;
  #settle: (outcome: VerifierAnswer | Error) => void = () => undefined;
  #controller: Dispatcher.DispatchController | undefined;
  readonly #timer: NodeJS.Timeout;
  #status = 0;
  #isJson = false;
  #chunks: Buffer[] = [];
  #sizeBytes = 0;
  #abortReason: Error | undefined;
  readonly #onUnauthorized: (body: unknown) => void;

  /**
   * @param timeoutMs - from now to the end of the answer
   * @param onUnauthorized - told the body of a 401 if that is a small JSON text, after its status has settled the call
   */
  constructor(timeoutMs: number, onUnauthorized: (body: unknown) => void) {
    this.#onUnauthorized = onUnauthorized;
    this.answer = new Promise((resolve, reject) => {
      this.#settle = (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome));
    });
    this.#timer = setTimeout(() => this.#abort(new Error('the answer took too long')), timeoutMs).unref();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#abortReason) controller.abort(this.#abortReason);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return; // the answer is still to come
    this.#status = status;
    this.#isJson = JSON_TYPE.test(headers['content-type'] ?? '');
    // Another status says it all, whatever comes behind it. That is read, so that the connection can be used again.
    if (status !== 200) this.#settle({ status, body: undefined });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#sizeBytes += chunk.length;
    if (this.#sizeBytes > MAX_ANSWER_BYTES) this.#abort(new RangeError(`an answer may have ${MAX_ANSWER_BYTES} bytes`));
    else if (this.#status === 200 || this.#status === 401) this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    clearTimeout(this.#timer);
    if (this.#status !== 200 && this.#status !== 401) return;
    const parsed = this.#parsed();
    if (this.#status === 200) this.#settle(parsed);
    else if (!(parsed instanceof Error)) this.#onUnauthorized(parsed.body);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    clearTimeout(this.#timer);
    this.#settle(error);
  }

  /** Also before it has begun, while it waits for a connection. */
  #abort(reason: Error): void {
    clearTimeout(this.#timer);
    this.#abortReason = reason;
    this.#settle(reason);
    this.#controller?.abort(reason);
  }

  #parsed(): VerifierAnswer | Error {
    if (!this.#isJson) return new TypeError('the answer is not called JSON');
    const [first] = this.#chunks;
    const bytes = first && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    try {
      return { status: this.#status, body: JSON.parse(bytes.toString('utf8')) };
    } catch (error) {
      return error as Error;
    }
  }
}
