import { identifier, lineOfText, parseInput } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { currentUser } from '../accounts/current-user.ts';
import { requestOrigin } from '../audit/request-origin.ts';
import type { RemoteTokens } from './remote-tokens.ts';

/** RFC 3339, or Unix seconds. */
const time = z.union([
  z.iso.datetime({ offset: true }).transform((text) => new Date(text)),
  z
    .number()
    .int()
    .min(0)
    .max(99_999_999_999)
    .transform((seconds) => new Date(seconds * 1000)),
]);

const bodySchema = z.object({
  workspace_id: identifier,
  name: lineOfText({ minLength: 1, maxLength: 100 }),
  expires_at: time.nullish().transform((value) => value ?? undefined),
});

/** `POST /api/codex/tokens`: a new remote token. 201 with its text, this once. */
export function mintTokenRoute({ remoteTokens }: { remoteTokens: Pick<RemoteTokens, 'mint'> }): RequestHandler {
  return async (req, res) => {
    const body = parseInput(bodySchema, req.body);
    const minted = await remoteTokens.mint({
      userId: currentUser(res).userId,
      workspaceId: body.workspace_id,
      name: body.name,
      expiresAt: body.expires_at,
      origin: requestOrigin(req),
    });
    res.status(201).set('Cache-Control', 'no-store').json({
      id: minted.id,
      token: minted.token,
      name: minted.name,
      workspace_id: minted.workspaceId,
      created_at: minted.createdAt.toISOString(),
      expires_at: minted.expiresAt.toISOString(),
    });
  };
}
