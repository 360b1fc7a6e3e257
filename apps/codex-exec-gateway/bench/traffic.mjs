import { compareInTurns } from '@codex-gateways/testing/bench';

/** Harnesses of one executor, each with a stream. */
export const STREAMS = 16;

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

/** @returns the lines of a table; ratios are ours over the floor's */
export function measureTraffic(generator, targets, { parts, seconds }) {
  const figures = FIGURES.filter(({ part }) => parts.includes(part)).map(({ part: _part, ...figure }) => figure);
  return compareInTurns(generator, targets, {
    figures,
    seconds,
    ratios: [
      { title: 'ours / floor', to: 1 },
      { title: 'ours / joined sockets', to: 2 },
    ],
  });
}
