/*
 * No test fails because the machine is slow: what a test waits for takes milliseconds, and here is how long it may take where
 * much else runs. A test that is about a deadline of the gateway sets that one itself, and has one gateway for it alone.
 */

/** How long a test waits for anything. */
export const PATIENCE_MS = 120_000;

/** Deadlines of a gateway that nothing misses which goes on at all. */
export const PATIENT_DEADLINES = {
  CXG_VERIFY_TIMEOUT: '30s',
  CXG_UPGRADE_TIMEOUT: '2m',
  CXG_APP_SERVER_START_TIMEOUT: '2m',
  CXG_APP_SERVER_DIAL_TIMEOUT: '1m',
  CXG_APP_SERVER_STOP_TIMEOUT: '30s',
  CXG_DRAIN_TIMEOUT: '1m',
} as const;

/** As those, of an exec-gateway. */
export const PATIENT_EXEC_GATEWAY = {
  CXG_AGENTSERVER_TIMEOUT: '9s',
  CXG_DATABASE_TIMEOUT: '1m',
  CXG_FIRST_FRAME_TIMEOUT: '10m',
  CXG_HANDSHAKE_TIMEOUT: '1m',
  CXG_REPLICA_LEASE: '5m',
} as const;
