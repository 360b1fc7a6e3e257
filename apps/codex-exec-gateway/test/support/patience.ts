/*
 * No test fails because the machine is slow: what a test waits for takes milliseconds, and here is how long it may take
 * where much else runs. A test that is about a deadline of the gateway sets that one itself, and has one gateway for it alone.
 */

/** How long a test waits for anything. */
export const PATIENCE_MS = 60_000;

/** Deadlines of a gateway that nothing misses which goes on at all: the longest that the configuration takes. */
export const PATIENT_DEADLINES = {
  CXG_AGENTSERVER_TIMEOUT: '9s',
  CXG_DATABASE_TIMEOUT: '1m',
  CXG_FIRST_FRAME_TIMEOUT: '10m',
  CXG_FORWARD_TIMEOUT: '9s',
  CXG_HANDSHAKE_TIMEOUT: '1m',
  CXG_REPLICA_LEASE: '5m',
  CXG_REPLICA_LEASE_RENEWAL: '5s',
} as const;

/** `npm run test:faults` has the machine for itself and holds the gateway to the very times that it promises. */
const isStrict = process.env.FAULTS_STRICT === '1';

/** How long something may take of which the gateway promises how long it takes, by tests that have the machine for themselves and by others. */
export const promisedMs = (promised: number, { withRoom }: { withRoom: number }) => (isStrict ? promised : withRoom);

/** Of live bridges. Without its notification a revocation waits for the next periodic look, which tests set to a minute. */
export const REVOKED_WITHIN_MS = promisedMs(1000, { withRoom: 20_000 });

/** Of executors, whatever happened to their replica. Whoever waited for the lease of a dead replica would need minutes. */
export const BACK_WITHIN_MS = promisedMs(10_000, { withRoom: 60_000 });
