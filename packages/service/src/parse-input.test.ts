import { z } from 'zod';
import { HttpError } from './http-error.ts';
import { identifier, lineOfText, pageLimit, parseInput, queryFlag } from './parse-input.ts';

function refusalOf(schema: z.ZodType, input: unknown): HttpError | undefined {
  try {
    parseInput(schema, input);
    return undefined;
  } catch (error) {
    return error as HttpError;
  }
}

describe('parseInput', () => {
  const schema = z.object({ name: lineOfText({ minLength: 1, maxLength: 5 }) });

  it('gives back what the schema made of the input', () => {
    expect(parseInput(schema, { name: '  Ada ', more: 1 })).toEqual({ name: 'Ada' });
  });

  it('names the member that is wrong, and does not repeat its value', () => {
    const refusal = refusalOf(schema, { name: 'too long a secret' });
    expect(refusal).toBeInstanceOf(HttpError);
    expect(refusal).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(refusal?.message).toMatch(/^name: /);
    expect(refusal?.message).not.toContain('secret');
  });

  it.each([[undefined], [null], [[]], ['text'], [1]])('refuses %j where an object is asked for', (input) => {
    expect(refusalOf(schema, input)?.status).toBe(400);
  });
});

describe('lineOfText', () => {
  it.each(['a\0b', 'a\nb', 'a\u001b[0m', '\u{d800}', 'ab\u{dc00}'])('refuses %j', (text) => {
    expect(lineOfText({ maxLength: 10 }).safeParse(text).success).toBe(false);
  });

  it.each(['', 'naïve', '執行機', '🦊'])('accepts %j', (text) => {
    expect(lineOfText({ maxLength: 10 }).safeParse(text).success).toBe(true);
  });
});

describe('identifier', () => {
  it.each(['', 'a b', 'a\0', 'é', 'x'.repeat(129)])('refuses %j', (text) => {
    expect(identifier.safeParse(text).success).toBe(false);
  });

  it('accepts what may be some other product’s id', () => {
    expect(identifier.safeParse("ws_1';--").success).toBe(true);
  });
});

describe('queryFlag', () => {
  it.each([
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
    [undefined, false],
  ])('reads %j as %j', (given, meant) => {
    expect(queryFlag.parse(given)).toBe(meant);
  });

  it.each(['yes', '', 'TRUE', ['true', 'true']])('refuses %j', (given) => {
    expect(queryFlag.safeParse(given).success).toBe(false);
  });
});

describe('pageLimit', () => {
  it.each([
    ['1', 1],
    ['200', 200],
    [undefined, 50],
  ])('reads %j as %j', (given, meant) => {
    expect(pageLimit.parse(given)).toBe(meant);
  });

  it.each(['0', '201', '-1', '1e2', '1000', '', ['1', '2']])('refuses %j', (given) => {
    expect(pageLimit.safeParse(given).success).toBe(false);
  });
});
