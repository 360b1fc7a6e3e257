import { beginSpan } from './request-context.ts';
import { errorTypeOf } from './span.ts';

/**
 * Makes a span of each statement that a request sends to the database; the observer of a pool.
 * @param statement - its name, or its first word. Values are in no span
 */
export function databaseSpans(statement: string): ((error: unknown) => void) | undefined {
  const attributes = { 'db.system.name': 'postgresql', 'db.query.summary': statement };
  const span = beginSpan(statement, { kind: 'client', attributes });
  if (!span) return undefined;
  return (error) => {
    if (error !== undefined) span.fail(errorTypeOf(error));
    span.end();
  };
}
