import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePort } from '@codex-gateways/testing';
import { compareInTurns, startHaproxy, startLoadGenerator } from '@codex-gateways/testing/bench';
import { CLIENTS, FIGURES, UPGRADES } from './figures.mjs';
import { measureIdleMemory } from './idle-memory.mjs';
import { startGateway, startLeastProxy, startNaiveProxy, startPipe, startVerifier } from './targets.mjs';

// `npm run bench:proxy [-- round-trip|load|down|up|upgrades|idle …]`: codex-app-gateway with its guard, HAProxy and the simplest proxy in turns in one
// run, so that the ratios mean something on a machine that others use too. Proxies and load generator share its cores.
const LOAD_GENERATOR = fileURLToPath(new URL('./load-generator.mjs', import.meta.url));
const { positionals, values } = parseArgs({ allowPositionals: true, options: { profile: { type: 'string' } } });
const parts = positionals.length > 0 ? positionals : [...FIGURES.map(({ part }) => part), 'upgrades', 'idle'];
const seconds = Number(process.env.BENCH_SECONDS ?? 4);
const connections = Number(process.env.BENCH_CONNECTIONS ?? 1000);
const nodeOptions = values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : [];

const lines = [`Node.js ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, load ${loadavg()[0].toFixed(1)}`];
const generator = startLoadGenerator(LOAD_GENERATOR);
const running = [];
const started = async (starting) => {
  const target = await starting;
  if (target) running.push(target);
  return target;
};
try {
  const appServerPort = await freePort();
  const appServerUrl = `ws://127.0.0.1:${appServerPort}/`;
  await generator.run('appServer', { port: appServerPort });
  const { url: verifierUrl } = await started(startVerifier());
  const gateway = await started(startGateway({ appServerUrl, verifierUrl, nodeOptions }));
  const naive = await started(startNaiveProxy({ appServerUrl, nodeOptions }));
  const haproxy = await started(startHaproxy({ serverPort: appServerPort }));
  if (!haproxy) lines.push('HAProxy is not installed here, so it is not measured');
  const figures = FIGURES.filter(({ part }) => parts.includes(part)).map(({ part: _part, ...figure }) => figure);
  if (figures.length > 0) {
    const pipe = await started(startPipe({ appServerUrl, nodeOptions }));
    const targets = [gateway, naive, pipe, ...(haproxy ? [haproxy] : [])];
    for (const { name, url } of targets) await generator.run('clients', { target: name, url, count: CLIENTS });
    const ratios = [
      { title: 'ours / naive', to: 1 },
      { title: 'ours / pipe', to: 2 },
      ...(haproxy ? [{ title: 'ours / HAProxy', to: 3 }] : []),
    ];
    lines.push(...(await compareInTurns(generator, targets, { figures, seconds, ratios })));
  }
  if (parts.includes('upgrades')) {
    const verifying = await started(startNaiveProxy({ appServerUrl, verifierUrl, nodeOptions }));
    const least = await started(startLeastProxy({ appServerUrl, verifierUrl, nodeOptions }));
    const targets = [gateway, naive, verifying, least];
    const urls = Object.fromEntries(targets.map(({ name, url }) => [name, url]));
    const ratios = [
      { title: 'ours / naive', to: 1 },
      { title: 'ours / naive, verifying', to: 2 },
      { title: 'ours / the least', to: 3 },
    ];
    lines.push(
      '',
      ...(await compareInTurns(generator, targets, { figures: [{ ...UPGRADES, urls }], seconds, ratios })),
    );
  }
  if (parts.includes('idle')) lines.push('', ...(await measureIdleMemory(generator, [gateway, naive], connections)));
} finally {
  await generator.stop();
  await Promise.all(running.map((target) => target.stop()));
}
process.stdout.write(`${lines.join('\n')}\n`);
process.exit(0);
