import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from './connection.mjs';

const WARM_UP_MS = 1000;

/**
 * Closed loop: each connection sends its next request when the last one is answered.
 * @param requestOf - given a connection's number and its last answer, the next request; undefined when there is none left
 * @returns requests per second after the warm-up, how many of them were answered with another status than 200, and how many there were in all
 */
export async function capacity(url, requestOf, { connections = 32, seconds = 8 } = {}) {
  const counts = { answered: 0, failed: 0, total: 0, exhausted: false };
  let isMeasuring = false;
  let isOver = false;
  const loop = async (connection) => {
    const client = new Connection(url);
    let answer;
    while (!isOver) {
      const request = requestOf(connection, answer);
      if (!request) {
        counts.exhausted = true;
        break;
      }
      answer = await client.send(request);
      counts.total += 1;
      if (isMeasuring) counts[answer.status === 200 ? 'answered' : 'failed'] += 1;
    }
    if (answer) requestOf(connection, answer); // it may go on from here in another turn
    client.close();
  };
  const running = Array.from({ length: connections }, (_, connection) => loop(connection));
  await sleep(WARM_UP_MS);
  isMeasuring = true;
  const startedAt = performance.now();
  await sleep(seconds * 1000);
  isMeasuring = false;
  const elapsedSeconds = (performance.now() - startedAt) / 1000;
  isOver = true;
  await Promise.all(running);
  return {
    perSecond: counts.answered / elapsedSeconds,
    failed: counts.failed,
    total: counts.total,
    exhausted: counts.exhausted,
  };
}

/**
 * Open loop: requests start at a fixed rate whatever the server does, and latency counts from when each was due.
 * @returns the 50th and 99th percentile in milliseconds
 */
export async function latencyAt(url, requestOf, { perSecond, seconds = 8, connections = 32 }) {
  const clients = Array.from({ length: connections }, () => new Connection(url));
  const lastAnswers = [];
  const idle = clients.map((_, connection) => connection);
  const due = [];
  const latenciesMs = [];
  const running = new Set();
  const startNext = () => {
    while (idle.length > 0 && due.length > 0) {
      const connection = idle.shift();
      const dueAt = due.shift();
      const request = requestOf(connection, lastAnswers[connection]);
      if (!request) return;
      const one = clients[connection].send(request).then((answer) => {
        lastAnswers[connection] = answer;
        latenciesMs.push(performance.now() - dueAt);
        idle.push(connection);
        running.delete(one);
        startNext();
      });
      running.add(one);
    }
  };
  const startedAt = performance.now();
  for (let sent = 0; sent < perSecond * seconds; ) {
    const shouldHaveSent = Math.floor(((performance.now() - startedAt) / 1000) * perSecond);
    for (; sent < shouldHaveSent; sent += 1) due.push(startedAt + (sent / perSecond) * 1000);
    startNext();
    await sleep(1);
  }
  while (running.size > 0) await Promise.all(running);
  for (const client of clients) client.close();
  latenciesMs.sort((left, right) => left - right);
  const percentile = (share) =>
    latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * share))] ?? 0;
  return { p50Ms: percentile(0.5), p99Ms: percentile(0.99) };
}

/** @param child - a process with a first line of JSON that says that it is ready */
export async function firstLine(child) {
  let text = '';
  for (;;) {
    const [chunk] = await once(child.stdout, 'data');
    text += chunk;
    const end = text.indexOf('\n');
    if (end >= 0) return JSON.parse(text.slice(0, end));
  }
}
