// What the benchmarks of gateways share: programs as processes of their own, a load generator, HAProxy, and figures measured in turns.
export { compareInTurns } from './compare-in-turns.mjs';
export { somebodyListens, startHaproxy } from './haproxy.mjs';
export { measure, quantiles, serveCommands } from './load-commands.mjs';
export { quantile, ratioText } from './paired-ratios.mjs';
export { startLoadGenerator, startProgram } from './processes.mjs';
export { dial, listen, unmasked, wireFrame } from './raw-peer.mjs';
