/** Of every proxy, for all figures. */
export const CLIENTS = 16;

const KIB = 1024;

export const FIGURES = [
  {
    ...{ part: 'round-trip', what: 'turn/start of 350 B, answer of 200 B, one at a time' },
    ...{ command: 'roundTrips', clients: 1, bytes: 350, answerBytes: 200, columns: ['p50', 'p99', 'cpu'] },
  },
  {
    ...{ part: 'load', what: `the same, ${CLIENTS} clients` },
    ...{
      command: 'roundTrips',
      clients: CLIENTS,
      bytes: 350,
      answerBytes: 200,
      columns: ['p50', 'p99', 'rate', 'cpu'],
    },
  },
  {
    ...{ part: 'down', what: '16 KiB to the client, 4 clients' },
    ...{ command: 'down', clients: 4, bytes: 16 * KIB, columns: ['throughput', 'cpuMb'] },
  },
  {
    ...{ part: 'up', what: '16 KiB to the app-server, 4 clients' },
    ...{ command: 'up', clients: 4, bytes: 16 * KIB, columns: ['throughput', 'cpuMb'] },
  },
];

export const UPGRADES = {
  ...{ what: 'connect and verify, 32 at a time', command: 'upgrades', atOnce: 32 },
  columns: ['upgrades', 'p50Ms', 'p99Ms', 'cpuUpgrade'],
};
