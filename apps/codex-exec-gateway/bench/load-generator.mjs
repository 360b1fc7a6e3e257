import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { dial, RawPeer, relayFrame, streamIdOf, wireFrame } from './raw-peer.mjs';

// The load generator as a process: executors and harnesses at both ends of a relay. Commands come by IPC, each is answered.
const WARM_UP_MS = 500;
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** What a sender of large messages keeps on its way. */
const WINDOW_BYTES = 512 * 1024;

const FIRST_FRAME_BYTES = 64;

const relays = new Map();
const idle = [];

const commands = {
  /** One executor as a WebSocket client, as a relay wants it. */
  async executor({ relay, url }) {
    relays.set(relay, { executors: [await dial(url)], harnesses: [] });
  },
  /** Executors as a server, behind a proxy that cannot join two clients: one for each harness. */
  async executorServer({ relay, port }) {
    const state = { executors: [], harnesses: [] };
    relays.set(relay, state);
    const server = createServer().listen(port, '127.0.0.1');
    server.on('upgrade', (req, socket, head) => {
      const accept = createHash('sha1')
        .update(req.headers['sec-websocket-key'] + GUID)
        .digest('base64');
      const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
      socket.write([...lines, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'));
      state.executors.push(new RawPeer(socket, { isClient: false, head }));
    });
    await once(server, 'listening');
  },
  async harnesses({ relay, urls }) {
    const state = relays.get(relay);
    for (const [stream, url] of urls.entries()) {
      const harness = await dial(url);
      harness.socket.write(wireFrame(relayFrame(streamIdOf(stream), FIRST_FRAME_BYTES), true)); // a bridge without one is closed
      state.harnesses.push(harness);
    }
  },
  /** Closed loop: each of the first `streams` harnesses sends when the echo of its last message has come. */
  async roundTrips({ relay, streams, bytes, seconds }) {
    const latenciesUs = [];
    let isMeasuring = false;
    let isOver = false;
    const { harnesses, fromHarness } = prepare(relay, { streams, bytes, echoes: true });
    for (const [stream, harness] of harnesses.entries()) {
      let sentAt = 0;
      const send = () => {
        sentAt = performance.now();
        harness.socket.write(fromHarness[stream]);
      };
      harness.onMessage = () => {
        if (isMeasuring) latenciesUs.push((performance.now() - sentAt) * 1000);
        if (!isOver) send();
      };
      send();
    }
    const measured = await measure(seconds, (on) => {
      isMeasuring = on;
    });
    isOver = true;
    await sleep(50);
    latenciesUs.sort((left, right) => left - right);
    const at = (share) => latenciesUs[Math.min(latenciesUs.length - 1, Math.floor(latenciesUs.length * share))];
    return { ...measured, messages: latenciesUs.length * 2, p50Us: at(0.5), p99Us: at(0.99) };
  },
  /** Large messages from the first `streams` harnesses to the executor, each with a window. */
  async stream({ relay, streams, bytes, seconds }) {
    let isMeasuring = false;
    let isOver = false;
    let messages = 0;
    const window = Math.max(1, Math.floor(WINDOW_BYTES / bytes));
    const { harnesses, executors, fromHarness } = prepare(relay, { streams, bytes, echoes: false });
    for (const executor of executors) {
      executor.onMessage = (stream) => {
        if (isMeasuring) messages += 1;
        if (!isOver) harnesses[stream].socket.write(fromHarness[stream]);
      };
    }
    for (const [stream, { socket }] of harnesses.entries()) {
      for (let index = 0; index < window; index += 1) socket.write(fromHarness[stream]);
    }
    const measured = await measure(seconds, (on) => {
      isMeasuring = on;
    });
    isOver = true;
    await sleep(200);
    return { ...measured, messages, megabytes: (messages * bytes) / 1e6 };
  },
  /** Connections that do nothing but answer pings. */
  async idle({ urls }) {
    const queue = [...urls];
    const worker = async () => {
      for (let url = queue.pop(); url; url = queue.pop()) idle.push(await dial(url));
    };
    await Promise.all(Array.from({ length: 64 }, worker));
    return { open: idle.length };
  },
  async closeIdle() {
    for (const { socket } of idle.splice(0)) socket.destroy();
  },
};

/** The first harnesses, each with a stream, and what each sends; an executor answers on the stream that it is asked on. */
function prepare(relay, { streams, bytes, echoes }) {
  const { executors, harnesses } = relays.get(relay);
  const frames = Array.from({ length: streams }, (_, stream) => relayFrame(streamIdOf(stream), bytes));
  for (const executor of executors) {
    const answers = frames.map((frame) => wireFrame(frame, executor.isClient));
    executor.onMessage = echoes ? (stream) => executor.socket.write(answers[stream]) : () => {};
  }
  const fromHarness = frames.map((frame) => wireFrame(frame, true));
  return { executors, harnesses: harnesses.slice(0, streams), fromHarness };
}

/** Tells the parent when the measured time begins and ends: it reads the relay's CPU time then. */
async function measure(seconds, switchOn) {
  await sleep(WARM_UP_MS);
  process.send({ mark: 'begin' });
  switchOn(true);
  const startedAt = performance.now();
  await sleep(seconds * 1000);
  switchOn(false);
  const elapsedSeconds = (performance.now() - startedAt) / 1000;
  process.send({ mark: 'end' });
  return { elapsedSeconds };
}

process.on('message', async ({ id, command, ...options }) => {
  try {
    process.send({ id, result: (await commands[command](options)) ?? {} });
  } catch (error) {
    process.send({ id, error: String(error?.stack ?? error) });
  }
});
process.on('disconnect', () => process.exit(0));
