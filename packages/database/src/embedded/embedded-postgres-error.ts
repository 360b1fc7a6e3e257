/** The embedded server cannot be used. `message` is one line for the person who started it. */
export class EmbeddedPostgresError extends Error {
  override readonly name: string = 'EmbeddedPostgresError';
}

/** Another program listens on the port that the embedded server was to use. */
export class PortTakenError extends EmbeddedPostgresError {
  override readonly name = 'PortTakenError';

  constructor(readonly port: number) {
    super(`port ${port} on 127.0.0.1 is taken by another program`);
  }
}
