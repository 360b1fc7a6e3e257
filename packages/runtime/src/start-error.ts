/** A service cannot start, and the message tells the operator why: no stack trace would add to it. */
export class StartError extends Error {
  override readonly name: string = 'StartError';
}
