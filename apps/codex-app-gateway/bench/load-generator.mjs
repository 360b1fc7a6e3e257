import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { dial, listen, measure, quantiles, serveCommands, wireFrame } from '@codex-gateways/testing/bench';
import { delta, turnStart } from './messages.mjs';

// Both ends of the proxies as one process: clients, and an app-server that answers each request with a notification.
const TOKEN = 'ast_of-the-bench';
const headers = { authorization: `Bearer ${TOKEN}` };
/** What a sender of large messages keeps on its way. */
const WINDOW_BYTES = 512 * 1024;

const proxies = new Map();
const accepted = [];
const idle = [];

serveCommands({
  async appServer({ port }) {
    await listen(port, (peer) => {
      accepted.push(peer);
      peer.socket.on('close', () => accepted.splice(accepted.indexOf(peer), 1));
    });
  },
  /** Connects clients, one after the other, so that it is known which end belongs to which. */
  async clients({ target, url, count }) {
    const pairs = [];
    for (let index = 0; index < count; index += 1) {
      const client = await dial(url, { headers });
      pairs.push({ client, server: accepted.at(-1) });
    }
    proxies.set(target, pairs);
  },
  /** Closed loop: each client sends when it has the answer to its last request. */
  async roundTrips({ target, clients, bytes, answerBytes, seconds }) {
    const latenciesUs = [];
    let isMeasuring = false;
    let isOver = false;
    const request = wireFrame(Buffer.from(turnStart(bytes)), true, { isText: true });
    const answer = wireFrame(Buffer.from(delta(answerBytes)), false, { isText: true });
    for (const { client, server } of proxies.get(target).slice(0, clients)) {
      let sentAt = 0;
      const send = () => {
        sentAt = performance.now();
        client.socket.write(request);
      };
      server.onMessage = () => server.socket.write(answer);
      client.onMessage = () => {
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
    const messages = latenciesUs.length * 2;
    const at = quantiles(latenciesUs);
    return { ...measured, messages, p50Us: at(0.5), p99Us: at(0.99) };
  },
  /** Notifications of one size, from the app-server to its clients, with a window. */
  async down({ target, clients, bytes, seconds }) {
    const frame = wireFrame(Buffer.from(delta(bytes)), false, { isText: true });
    const pairs = proxies.get(target).slice(0, clients);
    return stream(
      pairs.map(({ client, server }) => ({ from: server, to: client })),
      { frame, bytes, seconds },
    );
  },
  /** Requests of one size, from the clients to the app-server, with a window. */
  async up({ target, clients, bytes, seconds }) {
    const frame = wireFrame(Buffer.from(turnStart(bytes)), true, { isText: true });
    const pairs = proxies.get(target).slice(0, clients);
    return stream(
      pairs.map(({ client, server }) => ({ from: client, to: server })),
      { frame, bytes, seconds },
    );
  },
  /** Connects, verified each time, and hangs up at once; so many at a time. */
  async upgrades({ target, atOnce, seconds, urls }) {
    const { hostname, port } = new URL(urls[target]);
    const latenciesUs = [];
    let isMeasuring = false;
    let isOver = false;
    const worker = async () => {
      while (!isOver) {
        const startedAt = performance.now();
        await connectOnce({ hostname, port });
        if (isMeasuring) latenciesUs.push((performance.now() - startedAt) * 1000);
      }
    };
    const workers = Array.from({ length: atOnce }, worker);
    const measured = await measure(seconds, (on) => {
      isMeasuring = on;
    });
    isOver = true;
    await Promise.all(workers);
    const upgrades = latenciesUs.length;
    const at = quantiles(latenciesUs);
    return { ...measured, upgrades, p50Us: at(0.5), p99Us: at(0.99) };
  },
  /** Connections that do nothing but answer pings. */
  async idle({ url, count }) {
    let left = count;
    const worker = async () => {
      while (left > 0) {
        left -= 1;
        idle.push(await dial(url, { headers }));
      }
    };
    await Promise.all(Array.from({ length: 16 }, worker));
  },
  async closeIdle() {
    for (const { socket } of idle.splice(0)) socket.destroy();
  },
});

async function stream(ways, { frame, bytes, seconds }) {
  let isMeasuring = false;
  let isOver = false;
  let messages = 0;
  const window = Math.max(1, Math.floor(WINDOW_BYTES / bytes));
  for (const { from, to } of ways) {
    to.onMessage = () => {
      if (isMeasuring) messages += 1;
      if (!isOver) from.socket.write(frame);
    };
    from.onMessage = () => undefined;
    for (let index = 0; index < window; index += 1) from.socket.write(frame);
  }
  const measured = await measure(seconds, (on) => {
    isMeasuring = on;
  });
  isOver = true;
  await sleep(200);
  return { ...measured, messages, megabytes: (messages * bytes) / 1e6 };
}

/** With a socket of its own rather than an HTTP client, which would cost more than what is measured. */
async function connectOnce({ hostname, port }) {
  const socket = connect(Number(port), hostname);
  socket.setNoDelay();
  socket.write(
    [
      'GET / HTTP/1.1',
      `Host: ${hostname}:${port}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      `Authorization: Bearer ${TOKEN}`,
      '',
      '',
    ].join('\r\n'),
  );
  const [chunk] = await once(socket, 'data');
  if (!String(chunk).startsWith('HTTP/1.1 101')) throw new Error(`refused: ${String(chunk).split('\r\n', 1)[0]}`);
  socket.resetAndDestroy(); // leaves no port behind that waits for its end
}
