import { identifier, lineOfText, parseInput } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { currentUser } from '../accounts/current-user.ts';
import { requestOrigin } from '../audit/request-origin.ts';
import type { ConnectorCreation } from './connector-creation.ts';
import { executorSetup } from './executor-setup.ts';

export interface AddConnectorDeps {
  readonly creation: Pick<ConnectorCreation, 'add'>;
  /** Where the Codex CLI reaches codex-auth and exec-gateway. */
  readonly publicUrls: { readonly issuer: string; readonly execGatewayUrl: string };
}

const bodySchema = z.object({
  workspace_id: identifier,
  name: lineOfText({ minLength: 1, maxLength: 100 }),
  description: lineOfText({ maxLength: 500 }).nullish(),
  is_default: z.boolean().nullish(),
});

/** `POST /api/codex/connectors`: a new executor with its identity. 201 with what starts it; the JWT is shown this once. */
export function addConnectorRoute({ creation, publicUrls }: AddConnectorDeps): RequestHandler {
  return async (req, res) => {
    const body = parseInput(bodySchema, req.body);
    const { userId, email } = currentUser(res);
    const added = await creation.add({
      userId,
      email,
      workspaceId: body.workspace_id,
      name: body.name,
      description: body.description ?? '',
      isDefault: body.is_default ?? undefined,
      origin: requestOrigin(req),
    });
    res
      .status(201)
      .set('Cache-Control', 'no-store')
      .json({
        exe_id: added.exeId,
        agent_identity_jwt: added.agentIdentityJwt,
        identity_expires_at: added.identityExpiresAt.toISOString(),
        ...executorSetup(added, publicUrls),
      });
  };
}
