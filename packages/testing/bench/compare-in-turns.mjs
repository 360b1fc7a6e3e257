import { cpuMsOf } from '@codex-gateways/testing';
import { quantile, ratioText } from './paired-ratios.mjs';

// Many short turns: what the host gives a machine changes from one second to the next.
const TURNS = Number(process.env.BENCH_TURNS ?? 9);
const WARM_UP_SECONDS = 2;

const COLUMNS = {
  p50: { title: 'p50 µs', of: ({ p50Us }) => p50Us, digits: 0 },
  p99: { title: 'p99 µs', of: ({ p99Us }) => p99Us, digits: 0 },
  rate: {
    title: 'messages/s',
    of: ({ messages, elapsedSeconds }) => messages / elapsedSeconds,
    digits: 0,
  },
  cpu: { title: 'CPU µs a message', of: ({ cpuMs, messages }) => (cpuMs * 1000) / messages, digits: 1 },
  throughput: {
    title: 'MB/s',
    of: ({ megabytes, elapsedSeconds }) => megabytes / elapsedSeconds,
    digits: 0,
  },
  upgrades: { title: 'upgrades/s', of: ({ upgrades, elapsedSeconds }) => upgrades / elapsedSeconds, digits: 0 },
  p50Ms: { title: 'p50 ms', of: ({ p50Us }) => p50Us / 1000, digits: 1 },
  p99Ms: { title: 'p99 ms', of: ({ p99Us }) => p99Us / 1000, digits: 1 },
  cpuUpgrade: { title: 'CPU µs an upgrade', of: ({ cpuMs, upgrades }) => (cpuMs * 1000) / upgrades, digits: 0 },
  cpuMb: { title: 'CPU ms a MB', of: ({ cpuMs, megabytes }) => cpuMs / megabytes, digits: 2 },
};

/**
 * Measures every figure for all targets in turns, forwards and backwards by turns. A figure is the median of its turns; a ratio is the median
 * of the ratios within each turn, with its quartiles in brackets.
 * @param targets - one may have a load generator of its own, as `generator`
 * @param options.figures - `{what, command, columns, …}`: what a row is called, the command of the load generator, and what goes to it
 * @param options.ratios - `{title, to}`: the first target's figure over that of the target at this place
 * @returns the lines of a table
 */
export async function compareInTurns(generator, targets, { figures, seconds, ratios }) {
  const rows = [];
  for (const { what, columns, ...command } of figures) {
    const results = targets.map(() => []);
    // Compilers have to see the figure's load first.
    for (const target of targets) await measureOne(generator, target, { ...command, seconds: WARM_UP_SECONDS });
    for (let turn = 0; turn < TURNS; turn += 1) {
      const order = [...targets.entries()];
      if (turn % 2 === 1) order.reverse();
      for (const [index, target] of order) {
        results[index].push(await measureOne(generator, target, { ...command, seconds: seconds / TURNS }));
      }
    }
    for (const name of columns) {
      const { title, of, digits } = COLUMNS[name];
      const values = results.map((each) => each.map(of));
      const compared = ratios.map(({ to }) => ratioText(values[0], values[to]));
      rows.push([`${what}: ${title}`, ...values.map((each) => quantile(each, 0.5).toFixed(digits)), ...compared]);
      process.stderr.write(`${rows.at(-1).join(' | ')}\n`);
    }
  }
  const titles = [...targets.map(({ name }) => name), ...ratios.map(({ title }) => title)];
  return [
    `| | ${titles.join(' | ')} |`,
    `| --- | ${titles.map(() => '---:').join(' | ')} |`,
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
  ];
}

/** @param options - for the load generator, which is told the name of the target as `target` */
async function measureOne(generator, target, { command, ...options }) {
  const cpuMs = {};
  const reads = [];
  const result = await (target.generator ?? generator).run(command, { target: target.name, ...options }, (mark) => {
    reads.push(cpuMsOf([target.pid]).then((ms) => (cpuMs[mark] = ms)));
  });
  await Promise.all(reads);
  return { ...result, cpuMs: cpuMs.end - cpuMs.begin };
}
