import { type HotRoute, hasInternalSecret, raiseHotFailure, requireInternalSecret } from '@codex-gateways/service';
import express, { type RequestHandler, type Router } from 'express';

/** What an internal endpoint says to a body of JSON. @throws {HttpError} a refusal */
export type InternalAnswer = (body: unknown) => Promise<object>;

/** Internal endpoints by their paths, and who may ask them. */
export interface InternalEndpoints {
  readonly answers: Readonly<Record<string, InternalAnswer>>;
  readonly internalApiSecret: string;
  readonly maxBodyBytes: number;
}

/** Adds them to a router of Express, each as `POST`. The secret comes first: whoever lacks it does not get a body read. */
export function internalRoutes(router: Router, { answers, internalApiSecret, maxBodyBytes }: InternalEndpoints): void {
  const guards = [raiseHotFailure, requireInternalSecret(internalApiSecret), express.json({ limit: maxBodyBytes })];
  for (const [path, answer] of Object.entries(answers)) {
    const respond: RequestHandler = async (req, res) => {
      res.set('Cache-Control', 'no-store').json(await answer(req.body));
    };
    router.post(path, guards, respond);
  }
}

/** The same, for being answered before Express. */
export function internalHotRoutes({ answers, internalApiSecret, maxBodyBytes }: InternalEndpoints): HotRoute[] {
  return Object.entries(answers).map(([path, answer]) => ({
    path,
    maxBodyBytes,
    mediaTypes: ['application/json'],
    admits: (headers) => hasInternalSecret(headers, internalApiSecret),
    answer: ({ body }) => answer(body),
  }));
}
