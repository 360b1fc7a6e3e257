import type { ErrorRequestHandler } from 'express';
import { asRefusal } from '../proxy/upgrade-refusal.ts';

/** Turns trouble of what is needed into the refusal that an upgrade would get, for the error middleware that comes after it. */
export function unavailableMiddleware(): ErrorRequestHandler {
  return (error: unknown, _req, _res, next) => next(asRefusal(error) ?? error);
}
