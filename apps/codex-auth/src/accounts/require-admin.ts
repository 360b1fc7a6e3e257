import { HttpError } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { currentUser } from './current-user.ts';

/** Lets administrators through; after `requireUser`. @throws {HttpError} 403 `forbidden` */
export function requireAdmin(): RequestHandler {
  return (_req, res, next) => {
    if (currentUser(res).role !== 'admin') throw new HttpError(403, 'forbidden', 'this is for administrators');
    next();
  };
}
