import { HttpError } from '@codex-gateways/service';
import express, { type Request, type RequestHandler } from 'express';

/** Reads form bodies (`application/x-www-form-urlencoded`). */
export function formBody(maxBytes: number): RequestHandler {
  return express.urlencoded({ extended: false, limit: maxBytes, parameterLimit: 50 });
}

/** One field of a form; undefined when it is absent. @throws {HttpError} 400 when it is repeated */
export function formField(req: Request, name: string): string | undefined {
  const body: unknown = req.body;
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, name)) return undefined;
  return single((body as Record<string, unknown>)[name], name);
}

/** One parameter of the query; undefined when it is absent. @throws {HttpError} 400 when it is repeated */
export function queryField(req: Request, name: string): string | undefined {
  return Object.hasOwn(req.query, name) ? single(req.query[name], name) : undefined;
}

function single(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new HttpError(400, 'invalid_request', `${name} may appear only once`);
  // PostgreSQL has no text with this character.
  if (value.includes('\0'))
    throw new HttpError(400, 'invalid_request', `${name} has a character that is not permitted`);
  return value;
}
