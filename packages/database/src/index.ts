export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './embedded/embedded-postgres.ts';
export { EmbeddedPostgresError, PortTakenError } from './embedded/embedded-postgres-error.ts';
export type { Log } from './log.ts';
