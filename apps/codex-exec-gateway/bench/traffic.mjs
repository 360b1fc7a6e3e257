import { cpuMsOf } from '@codex-gateways/testing';

/** Harnesses of one executor, each with a stream. */
export const STREAMS = 16;
const TURNS = 3;
const WARM_UP_SECONDS = 2;

const FIGURES = [
  {
    ...{ part: 'round-trip', what: 'round trip, 150 B, one at a time' },
    ...{ command: 'roundTrips', streams: 1, bytes: 150, columns: ['p50', 'p99', 'cpu'] },
  },
  {
    ...{ part: 'load', what: `round trips, 150 B, ${STREAMS} streams of one executor` },
    ...{ command: 'roundTrips', streams: STREAMS, bytes: 150, columns: ['p50', 'p99', 'rate', 'cpu'] },
  },
  {
    ...{ part: 'stream', what: '16 KiB, 4 streams of one executor' },
    ...{ command: 'stream', streams: 4, bytes: 16 * 1024, columns: ['throughput', 'cpuMb'] },
  },
];

const COLUMNS = {
  p50: { title: 'p50 µs', of: ({ p50Us }) => p50Us, digits: 0 },
  p99: { title: 'p99 µs', of: ({ p99Us }) => p99Us, digits: 0 },
  rate: {
    title: 'messages/s',
    of: ({ messages, elapsedSeconds }) => messages / elapsedSeconds,
    digits: 0,
    moreIsBetter: true,
  },
  cpu: { title: 'CPU µs a message', of: ({ cpuMs, messages }) => (cpuMs * 1000) / messages, digits: 1 },
  throughput: {
    title: 'MB/s',
    of: ({ megabytes, elapsedSeconds }) => megabytes / elapsedSeconds,
    digits: 0,
    moreIsBetter: true,
  },
  cpuMb: { title: 'CPU ms a MB', of: ({ cpuMs, megabytes }) => cpuMs / megabytes, digits: 2 },
};

/**
 * Measures every figure for all targets in turns and takes the median of the turns.
 * @returns the lines of a table; ratios are ours over the floor's
 */
export async function measureTraffic(generator, targets, { parts, seconds }) {
  const rows = [];
  for (const { command, what, columns, part: _part, ...options } of FIGURES.filter(({ part }) =>
    parts.includes(part),
  )) {
    const results = targets.map(() => []);
    // Compilers have to see the figure's load first.
    for (const target of targets)
      await measureOne(generator, target, { command, seconds: WARM_UP_SECONDS, ...options });
    for (let turn = 0; turn < TURNS; turn += 1) {
      for (const [index, target] of targets.entries()) {
        results[index].push(await measureOne(generator, target, { command, seconds: seconds / TURNS, ...options }));
      }
    }
    for (const name of columns) {
      const { title, of, digits } = COLUMNS[name];
      const values = results.map((each) => median(each.map(of)));
      const [ours, floor] = values;
      rows.push([`${what}: ${title}`, ...values.map((value) => value.toFixed(digits)), (ours / floor).toFixed(2)]);
      process.stderr.write(`${rows.at(-1).join(' | ')}\n`);
    }
  }
  const names = targets.map(({ name }) => name);
  return [
    `| | ${names.join(' | ')} | ours / floor |`,
    `| --- | ${names.map(() => '---:').join(' | ')} | ---: |`,
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
  ];
}

async function measureOne(generator, target, { command, ...options }) {
  const cpuMs = {};
  const reads = [];
  const result = await generator.run(command, { relay: target.name, ...options }, (mark) => {
    reads.push(cpuMsOf([target.pid]).then((ms) => (cpuMs[mark] = ms)));
  });
  await Promise.all(reads);
  return { ...result, cpuMs: cpuMs.end - cpuMs.begin };
}

function median(values) {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)];
}
