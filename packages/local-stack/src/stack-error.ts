/** The stack cannot start or go on. `message` is one line for the person at the terminal. */
export class StackError extends Error {
  override readonly name = 'StackError';
}

/** One line of what an error says, without its stack. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message.split('\n').join(' ').trim();
}
