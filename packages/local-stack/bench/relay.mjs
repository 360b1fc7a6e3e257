import { setTimeout as sleep } from 'node:timers/promises';
import { capabilityToken } from '@codex-gateways/tokens';
import { withStack } from './bench-stack.mjs';
import { cpuBetween, usageOf } from './measure.mjs';
import { createExecutors, frame, open, Registrar } from './scripted-executor.mjs';

const PAIRS = 12;
const WINDOW = 8;
const SECONDS = 5;
const WARM_UP_MS = 1500;
const QUESTION = Buffer.alloc(100, 'q');
/** A small answer, and about the largest frame that a CLI was seen to send. */
const ANSWER_BYTES = [1024, 60_000];

/** Questions and answers through the relay: a small frame to the executor, a frame of each size back, eight on their way. */
export async function measureRelay() {
  const rows = [];
  for (const exec of [1, 2, 3]) {
    await withStack({ exec }, async ({ stack, db, people }) => {
      const pairs = await openPairs({ stack, db, people });
      for (const answerBytes of ANSWER_BYTES) {
        rows.push({ exec, answerBytes, ...(await measurePairs(stack, pairs, answerBytes)) });
        process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`);
      }
      for (const { harness, executor } of pairs) for (const ws of [harness, executor]) ws.terminate();
    });
  }
  return rows;
}

async function openPairs({ stack, db, people }) {
  const { cookie, userId, workspaceId } = await people.session();
  const { access_token: accessToken } = await people.logIn(cookie);
  const ids = await createExecutors(db, { count: PAIRS, userId, workspaceId });
  const registrar = new Registrar(stack.urls.exec, accessToken);
  const iat = Math.floor(Date.now() / 1000);
  const claims = { turn_id: 'turn-growth', workspace_id: workspaceId, iat, exp: iat + 3600 };
  const capability = capabilityToken.mint(claims, stack.secrets.captokenSecret);
  const pairs = [];
  for (const id of ids) {
    const executor = await open(await registrar.register(id));
    const bridge = `${stack.urls.exec.replace('http', 'ws')}/bridge/${id}?role=harness&token=${capability}`;
    pairs.push({ streamId: `stream-of-${id}`, executor, harness: await open(bridge) });
  }
  await registrar.close();
  for (const { harness, streamId } of pairs) harness.send(frame('resume', streamId));
  return pairs;
}

async function measurePairs(stack, pairs, answerBytes) {
  let answers = 0;
  let isOver = false;
  let onTheirWay = 0;
  for (const { streamId, executor, harness } of pairs) {
    const [question, answer] = [
      frame('data', streamId, QUESTION),
      frame('data', streamId, Buffer.alloc(answerBytes, 'a')),
    ];
    executor.removeAllListeners('message').on('message', (data) => {
      if (data.length >= QUESTION.length) executor.send(answer);
    });
    harness.removeAllListeners('message').on('message', () => {
      answers += 1;
      if (isOver) onTheirWay -= 1;
      else harness.send(question);
    });
    for (let sent = 0; sent < WINDOW; sent += 1) harness.send(question);
    onTheirWay += WINDOW;
  }
  await sleep(WARM_UP_MS);
  const [before, answersBefore, startedAt] = [await usageOf(stack), answers, performance.now()];
  await sleep(SECONDS * 1000);
  const count = answers - answersBefore;
  const elapsedSeconds = (performance.now() - startedAt) / 1000;
  const after = await usageOf(stack);
  isOver = true;
  while (onTheirWay > 0) await sleep(20);
  const cpu = cpuBetween(before, after);
  const perAnswerUs = Object.fromEntries(Object.entries(cpu).map(([name, ms]) => [name, (ms * 1000) / count]));
  return {
    framesPerSecond: (2 * count) / elapsedSeconds,
    mebibytesPerSecond: (count * (answerBytes + QUESTION.length)) / elapsedSeconds / 2 ** 20,
    cpuUsPerPairOfFrames: perAnswerUs,
    execBytes: after.exec.bytes / stack.replicas('exec').length,
  };
}
