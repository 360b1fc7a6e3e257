import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { createBareApp, createLogger } from '@codex-gateways/service';
import { useCleanup, waitFor } from '@codex-gateways/testing';
import type { Response } from 'express';
import { PATIENCE_MS } from '../../test/patience.ts';
import { TurnEventStream } from './turn-event-stream.ts';

const CAP_BYTES = 1024 * 1024;
const EVENT = { delta: 'x'.repeat(64 * 1024) };
/** Far more than the sockets of both ends hold for themselves. */
const EVENTS = 1000;

describe('a stream of events', () => {
  const cleanup = useCleanup();

  it('is cut when its client does not read, before much is kept for it', async () => {
    const app = createBareApp({ log: createLogger({ service: 'test', level: 'silent' }) });
    const responses: Response[] = [];
    app.get('/', (_req, res) => void responses.push(res));
    const server = app.listen(0, '127.0.0.1');
    cleanup.after(() => void server.close());
    await once(server, 'listening');
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
    cleanup.after(() => void client.destroy());
    client.on('error', () => undefined);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await waitFor(() => responses.length > 0, { timeoutMs: PATIENCE_MS, describe: 'the request' });
    const [res] = responses as [Response];
    const events = new TurnEventStream(res, { maxUnsentBytes: CAP_BYTES });
    let mostUnsentBytes = 0;
    for (let count = 0; count < EVENTS && !res.destroyed; count += 1) {
      events.send('message.delta', EVENT);
      mostUnsentBytes = Math.max(mostUnsentBytes, res.writableLength);
      await new Promise(setImmediate);
    }
    expect(res.destroyed).toBe(true);
    expect(mostUnsentBytes).toBeLessThan(CAP_BYTES + 2 * EVENT.delta.length);
    events.send('message.delta', EVENT);
    events.end();
  });
});
