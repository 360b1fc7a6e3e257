import { z } from 'zod';
import { HttpError } from './http-error.ts';

const MAX_MESSAGE_LENGTH = 300;

/**
 * A request's body, query or parameters in the form that the schema asks for.
 * @throws {HttpError} 400 `invalid_request` naming the member that is wrong, never its value
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.map(String).join('.') || 'the request';
  const message = `${where}: ${issue?.message ?? 'is malformed'}`.slice(0, MAX_MESSAGE_LENGTH);
  throw new HttpError(400, 'invalid_request', message);
}

/**
 * A name or description that a person typed: one line, trimmed, without control characters (a NUL is refused by PostgreSQL)
 * and without halves of surrogate pairs (refused in its JSON).
 * @param maxLength - in UTF-16 units
 */
export function lineOfText({ minLength = 0, maxLength }: { minLength?: number; maxLength: number }) {
  return z
    .string()
    .max(maxLength * 4)
    .trim()
    .min(minLength, minLength === 1 ? 'must not be empty' : undefined)
    .max(maxLength)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must be one line without control characters');
}

/** An id in a body, a query or a path: printable ASCII without spaces, at most 128 characters. */
export const identifier = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[\x21-\x7e]+$/, 'must be an id');

/** A yes or no in a query: `true`, `false`, `1` or `0`; no when absent. */
export const queryFlag = z
  .enum(['true', 'false', '1', '0'])
  .default('false')
  .transform((value) => value === 'true' || value === '1');

/** How many rows a page of a list has, in a query: 1 to 200, 50 when absent. */
export const pageLimit = z
  .string()
  .regex(/^\d{1,3}$/, 'must be a number from 1 to 200')
  .default('50')
  .transform(Number)
  .pipe(z.number().int().min(1).max(200));
