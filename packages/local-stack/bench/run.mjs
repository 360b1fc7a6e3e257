import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { measureExecutors } from './executors.mjs';
import { measureLogins } from './logins.mjs';
import { measureNotifications } from './notifications.mjs';
import { plotGrowth } from './plot.mjs';
import { measureRelay } from './relay.mjs';
import { tables } from './tables.mjs';

// `npm run bench:growth [-- STAGE…]`: each stage under three minutes, its figures kept, so that they may be made one by one.
// Load generator, balancer, replicas and PostgreSQL share the machine's cores: beside rates stands the CPU time of one unit.
const STAGES = {
  logins: measureLogins,
  relay: measureRelay,
  'executors-100': () => measureExecutors(100),
  'executors-1000': () => measureExecutors(1000),
  'executors-10000': () => measureExecutors(10_000),
  notifications: measureNotifications,
};
const RESULTS = fileURLToPath(new URL('../node_modules/.cache/growth.json', import.meta.url));
const PLOT = fileURLToPath(new URL('../../../docs/scaling.svg', import.meta.url));

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in STAGES));
if (unknown.length > 0) throw new TypeError(`no stage ${unknown}; there are ${Object.keys(STAGES).join(', ')}`);

await mkdir(new URL('../node_modules/.cache/', import.meta.url), { recursive: true });
const results = wanted.length > 0 ? await readFile(RESULTS, 'utf8').then(JSON.parse, () => ({})) : {};
for (const name of wanted.length > 0 ? wanted : Object.keys(STAGES)) {
  process.stderr.write(`${name}\n`);
  results[name] = await STAGES[name]();
  await writeFile(RESULTS, `${JSON.stringify(results, undefined, 2)}\n`);
}
const machine = `Node.js ${process.version}, ${cpus().length} × ${cpus()[0]?.model}`;
process.stdout.write(`${machine}\n\n${tables(results)}\n`);
if (Object.keys(STAGES).every((name) => name in results)) await writeFile(PLOT, plotGrowth(results));
process.exit(0);
