import { cpus, loadavg } from 'node:os';
import { startTestPostgres } from '@codex-gateways/testing';
import { quantile, ratioText } from '@codex-gateways/testing/bench';
import { startCodexAuth } from './codex-auth-target.mjs';
import { backendsOf, cpuMsOf } from './cpu-time.mjs';
import { capacity, latencyAt } from './load.mjs';
import { startOidcProvider } from './oidc-provider-target.mjs';
import { measureSecondProcess } from './second-process.mjs';
import { signaturesPerSecondOfOneCore, signaturesPerSecondOfThreadPool } from './signing-limit.mjs';

// `npm run bench:auth`: each figure for codex-auth and its peer one after the other in one run, so that the ratio means something
// on a machine that others use too. Load generator, service and PostgreSQL share its cores.
const SECONDS = Number(process.env.BENCH_SECONDS ?? 8);
const CONNECTIONS = 32;
const TURNS = Number(process.env.BENCH_TURNS ?? 5);
const CODES = 1200 * (TURNS + 1) * (SECONDS / TURNS + 1);
/** Figures to measure, all of them by default: refresh, code, validate, verify, second. */
const ONLY = new Set(process.env.BENCH_ONLY?.split(',') ?? ['refresh', 'code', 'validate', 'verify', 'second']);

/** Both sides do the same: what a token request answers with are two RS256 signatures, and a refresh token. */
function checkAnswer({ access_token: accessToken, id_token: idToken, refresh_token: refreshToken, ...rest }) {
  const algorithms = [accessToken, idToken].map((token = '') => {
    const [header, , signature] = token.split('.');
    return signature && JSON.parse(Buffer.from(header, 'base64url').toString()).alg;
  });
  if (algorithms.every((each) => each === 'RS256') && refreshToken) return refreshToken;
  throw new Error(`not two RS256 signatures and a refresh token: ${algorithms} ${JSON.stringify(rest)}`);
}

/** A way to make the next request of a connection from the answer to its last one. */
const same = (request) => () => request;

async function refreshes(target) {
  const codes = await target.codes(CONNECTIONS);
  const first = await Promise.all(codes.slice(0, CONNECTIONS).map((code) => target.redeem(code)));
  const tokens = first.map(checkAnswer);
  return (connection, answer) => {
    if (answer) tokens[connection] = JSON.parse(answer.text).refresh_token;
    return target.refreshRequest(tokens[connection]);
  };
}

async function redemptions(target) {
  const codes = await target.codes(CODES);
  checkAnswer(await target.redeem(codes.pop()));
  return () => {
    const code = codes.pop();
    return code && target.codeRequest(code);
  };
}

/**
 * Measures both in turns, after one that does not count and leaves their code compiled: figures are medians of the turns. In turns, so that both meet the
 * same neighbours on the machine. Requests per second tell of this machine at this moment; CPU time per request, of the service and of its
 * PostgreSQL backends, hardly depends on who else is there.
 * @param sides - a target, and what to ask it, each; the peer may be absent
 */
async function compare(what, sides) {
  const results = sides.map(() => []);
  for (let turn = -1; turn < TURNS; turn += 1) {
    const order = [...sides.entries()];
    if (turn % 2 === 1) order.reverse();
    for (const [index, { target, requestOf }] of order) {
      const result = await measureOne(what, target, requestOf);
      if (turn >= 0) results[index].push(result);
    }
  }
  const rates = results.map((turns) => turns.map(({ perSecond }) => perSecond));
  const cpu = results.map((turns) => turns.map(({ serviceMs, databaseMs }) => serviceMs + databaseMs));
  const cells = results.map((turns, index) => [quantile(rates[index], 0.5).toFixed(0), cpuText(turns)]);
  rows.push([
    what,
    ...[cells[0], cells[1] ?? ['', '']].flat(),
    ...(sides.length > 1 ? [ratioText(rates[0], rates[1]), ratioText(cpu[1], cpu[0])] : ['', '']),
  ]);
  process.stderr.write(`${rows.at(-1).join(' | ')}\n`);
  return { perSecond: quantile(rates[0], 0.5) };
}

/** Milliseconds are of one request. */
async function measureOne(what, target, requestOf) {
  const backends = await backendsOf(target.db);
  const before = [await cpuMsOf([target.pid]), await cpuMsOf(backends)];
  const result = await capacity(target.url, requestOf, { connections: CONNECTIONS, seconds: SECONDS / TURNS });
  if (result.failed > 0) throw new Error(`${what}: ${result.failed} requests failed`);
  if (result.exhausted) process.stderr.write(`${what}: there were too few codes\n`);
  return {
    perSecond: result.perSecond,
    serviceMs: ((await cpuMsOf([target.pid])) - before[0]) / result.total,
    databaseMs: ((await cpuMsOf(backends)) - before[1]) / result.total,
  };
}

function cpuText(turns) {
  const [serviceMs, databaseMs] = ['serviceMs', 'databaseMs'].map((name) =>
    quantile(
      turns.map((turn) => turn[name]),
      0.5,
    ).toFixed(2),
  );
  return `${serviceMs} + ${databaseMs}`;
}

const rows = [];
const latencies = [];

async function measureTokens(ours, peer, signatures) {
  for (const [name, what, requests] of [
    ['refresh', 'refresh', refreshes],
    ['code', 'code exchange', redemptions],
  ]) {
    if (!ONLY.has(name)) continue;
    const { perSecond } = await compare(what, [
      { target: ours, requestOf: await requests(ours) },
      { target: peer, requestOf: await requests(peer) },
    ]);
    const share = ((100 * perSecond) / (signatures.perSecond / 2)).toFixed(0);
    latencies.push(`${what}: ${share} % of the signing limit, two signatures each by ${signatures.by}`);
    if (name === 'refresh')
      await measureLatency('refresh', { target: ours, perSecond, requestOf: await refreshes(ours) });
  }
}

async function measureInternal(ours, peer) {
  const [code] = await ours.codes(1);
  const { access_token: accessToken } = await ours.redeem(code);
  if (ONLY.has('validate')) {
    const requestOf = same(ours.validateRequest(accessToken));
    const { perSecond } = await compare('validate (bearer), against introspection', [
      { target: ours, requestOf },
      { target: peer, requestOf: same(peer.introspectionRequest) },
    ]);
    await measureLatency('validate', { target: ours, perSecond, requestOf });
  }
  if (ONLY.has('verify')) {
    const requestOf = same(await ours.verifyRequest(accessToken));
    await compare('warm remote-token verification', [{ target: ours, requestOf }]);
  }
}

/** Last, since afterwards everything is bound to cores. */
async function measureSecond(ours) {
  if (!ONLY.has('second') || cpus().length < 2 || process.platform !== 'linux') return;
  const second = await startCodexAuth(ours.env.CODEX_AUTH_DATABASE_URL, { beside: ours });
  const load = { requests: refreshes, connections: CONNECTIONS, seconds: SECONDS };
  const result = await measureSecondProcess({ first: ours, second, postgresPid: postgres.pid, ...load });
  await second.stop();
  const [first, both] = [result.first, result.both].map(Math.round);
  const added = ((result.both - result.first) / result.first).toFixed(2);
  const others = (100 * result.othersShare).toFixed(0);
  latencies.push(
    `refresh, a process on a core: one ${first}/s, two ${both}/s; the second adds ${added} of the first, with PostgreSQL and the load generator on its core (${others} % of it)`,
  );
}

async function measureLatency(what, { target, perSecond, requestOf }) {
  const { p50Ms, p99Ms } = await latencyAt(target.url, requestOf, { perSecond: perSecond / 2, seconds: SECONDS });
  latencies.push(`${what} at half of that: p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`);
}

const postgres = await startTestPostgres();
const oneCore = await signaturesPerSecondOfOneCore();
const threadPool = await signaturesPerSecondOfThreadPool();
const ours = await startCodexAuth((await postgres.createDatabase()).url, {
  nodeOptions: process.env.BENCH_NODE_OPTIONS?.split(' ') ?? [],
});
const peer = await startOidcProvider((await postgres.createDatabase()).url);
try {
  await measureTokens(ours, peer, oneCore);
  await measureInternal(ours, peer);
  await measureSecond(ours);
} finally {
  await ours.stop();
  await peer.stop();
  await postgres.stop();
}
const lines = [
  `Node.js ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, ${CONNECTIONS} connections, ${SECONDS} s each, load ${loadavg()[0].toFixed(1)}`,
  `signatures per second: one core ${Math.round(oneCore.perSecond)} (${oneCore.by}), thread pool ${Math.round(threadPool)}`,
  '| | codex-auth /s | CPU ms, service + PostgreSQL | oidc-provider /s | CPU ms | ratio /s | ratio CPU |',
  '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
  ...rows.map((cells) => `| ${cells.join(' | ')} |`),
  ...latencies,
];
process.stdout.write(`${lines.join('\n')}\n`);
process.exit(0);
