import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startTestPostgres } from '@codex-gateways/testing';
import { startLoadGenerator } from '@codex-gateways/testing/bench';
import { startGateway } from './gateway-target.mjs';
import { measureIdleConnections } from './idle-connections.mjs';
import { startFloor, startLeast, startTunnel } from './other-targets.mjs';
import { measureTraffic, STREAMS } from './traffic.mjs';

// `npm run bench:relay [-- round-trip|load|stream|idle …]`: codex-exec-gateway, the simplest relay, joined sockets and HAProxy in turns in one run, so that the ratios
// mean something on a machine that others use too. Relays and load generator share its cores.
const LOAD_GENERATOR = fileURLToPath(new URL('./load-generator.mjs', import.meta.url));
const { positionals, values } = parseArgs({ allowPositionals: true, options: { profile: { type: 'string' } } });
const parts = positionals.length > 0 ? positionals : ['round-trip', 'load', 'stream', 'idle'];
const seconds = Number(process.env.BENCH_SECONDS ?? 4);
const connections = Number(process.env.BENCH_CONNECTIONS ?? 10_000);
const nodeOptions = values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : [];

const lines = [`Node.js ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, load ${loadavg()[0].toFixed(1)}`];
const postgres = await startTestPostgres();
const generator = startLoadGenerator(LOAD_GENERATOR);
// Where executors are servers it does something else, and would be slower at both: compilers go by what a function has seen.
const generatorOfServers = startLoadGenerator(LOAD_GENERATOR);
const running = [];
const started = async (starting) => {
  const target = await starting;
  if (target) running.push(target);
  return target;
};
try {
  const gateway = await started(startGateway((await postgres.createDatabase()).url, { nodeOptions }));
  const floor = await started(startFloor({ nodeOptions }));
  if (parts.some((part) => part !== 'idle')) {
    const least = await started(startLeast({ nodeOptions }));
    const haproxy = await started(startTunnel());
    if (!haproxy) lines.push('HAProxy is not installed here, so it is not measured');
    for (const target of [gateway, floor]) {
      await generator.run('executor', { relay: target.name, url: await target.executorUrl() });
    }
    for (const target of haproxy ? [least, haproxy] : [least]) {
      target.generator = generatorOfServers;
      await generatorOfServers.run('executorServer', { relay: target.name, port: target.serverPort });
    }
    for (const target of running) {
      await (target.generator ?? generator).run('harnesses', {
        relay: target.name,
        urls: await target.harnessUrls(STREAMS),
      });
    }
    lines.push(...(await measureTraffic(generator, running, { parts, seconds })));
  }
  if (parts.includes('idle')) lines.push(...(await measureIdleConnections(generator, { gateway, floor, connections })));
} finally {
  await Promise.all([generator.stop(), generatorOfServers.stop()]);
  await Promise.all(running.map((target) => target.stop()));
  await postgres.stop();
}
process.stdout.write(`${lines.join('\n')}\n`);
process.exit(0);
