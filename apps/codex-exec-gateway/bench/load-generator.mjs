import { setTimeout as sleep } from 'node:timers/promises';
import { dial, listen, measure, quantiles, serveCommands, wireFrame } from '@codex-gateways/testing/bench';
import { relayFrame, STREAM_LABEL, streamIdOf } from './relay-frames.mjs';

// The load generator as a process: executors and harnesses at both ends of a relay. Commands come by IPC, each is answered.
/** What a sender of large messages keeps on its way. */
const WINDOW_BYTES = 512 * 1024;

const FIRST_FRAME_BYTES = 64;

const LABELLED = { label: STREAM_LABEL };
const relays = new Map();
const idle = [];

serveCommands({
  /** One executor as a WebSocket client, as a relay wants it. */
  async executor({ relay, url }) {
    relays.set(relay, { executors: [await dial(url, LABELLED)], harnesses: [] });
  },
  /** Executors as a server, behind a proxy that cannot join two clients: one for each harness. */
  async executorServer({ relay, port }) {
    const state = { executors: [], harnesses: [] };
    relays.set(relay, state);
    await listen(port, (peer) => state.executors.push(peer), LABELLED);
  },
  async harnesses({ relay, urls }) {
    const state = relays.get(relay);
    for (const [stream, url] of urls.entries()) {
      const harness = await dial(url, LABELLED);
      harness.socket.write(wireFrame(relayFrame(streamIdOf(stream), FIRST_FRAME_BYTES), true)); // a bridge without one is closed
      state.harnesses.push(harness);
    }
  },
  /** Closed loop: each of the first `streams` harnesses sends when the echo of its last message has come. */
  async roundTrips({ target, streams, bytes, seconds }) {
    const latenciesUs = [];
    let isMeasuring = false;
    let isOver = false;
    const { harnesses, fromHarness } = prepare(target, { streams, bytes, echoes: true });
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
    const at = quantiles(latenciesUs);
    return { ...measured, messages: latenciesUs.length * 2, p50Us: at(0.5), p99Us: at(0.99) };
  },
  /** Large messages from the first `streams` harnesses to the executor, each with a window. */
  async stream({ target, streams, bytes, seconds }) {
    let isMeasuring = false;
    let isOver = false;
    let messages = 0;
    const window = Math.max(1, Math.floor(WINDOW_BYTES / bytes));
    const { harnesses, executors, fromHarness } = prepare(target, { streams, bytes, echoes: false });
    for (const executor of executors) {
      executor.onMessage = (stream) => {
        if (isMeasuring) messages += 1;
        // Not for the first frame of a harness that sends nothing else here.
        if (!isOver) harnesses[stream]?.socket.write(fromHarness[stream]);
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
      for (let url = queue.pop(); url; url = queue.pop()) idle.push(await dial(url, LABELLED));
    };
    await Promise.all(Array.from({ length: 64 }, worker));
    return { open: idle.length };
  },
  async closeIdle() {
    for (const { socket } of idle.splice(0)) socket.destroy();
  },
});

/** The first harnesses, each with a stream, and what each sends; an executor answers on the stream that it is asked on. */
function prepare(relay, { streams, bytes, echoes }) {
  const { executors, harnesses } = relays.get(relay);
  const frames = Array.from({ length: streams }, (_, stream) => relayFrame(streamIdOf(stream), bytes));
  for (const executor of executors) {
    const answers = frames.map((frame) => wireFrame(frame, executor.isClient));
    executor.onMessage = (stream) => {
      // Not the first frame of a harness that sends nothing else here.
      if (echoes && answers[stream]) executor.socket.write(answers[stream]);
    };
  }
  const fromHarness = frames.map((frame) => wireFrame(frame, true));
  return { executors, harnesses: harnesses.slice(0, streams), fromHarness };
}
