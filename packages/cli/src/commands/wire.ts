import { z } from 'zod';

/** What codex-auth answers below `/api`, as far as it is shown here. Fields that it adds pass through to `--json`. */
export const meSchema = z.looseObject({ id: z.string(), email: z.string() });

export const workspacesSchema = z.array(z.looseObject({ id: z.string(), name: z.string(), role: z.string() }));
export type Workspace = z.infer<typeof workspacesSchema>[number];

const exeId = z.string().regex(/^[\w.:-]{1,128}$/);

const connectorSchema = z.looseObject({
  exe_id: exeId,
  name: z.string(),
  is_default: z.boolean(),
  is_online: z.boolean(),
  last_seen_at: z.string().nullish(),
  codex_version: z.string().nullish(),
  identity_expires_at: z.string().nullish(),
});
export const connectorsSchema = z.array(connectorSchema);
export type Connector = z.infer<typeof connectorSchema>;

export const addedConnectorSchema = z.looseObject({
  exe_id: exeId,
  identity_expires_at: z.string().nullish(),
  environment: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.string()),
  command: z.string(),
});
export type AddedConnector = z.infer<typeof addedConnectorSchema>;

export const mintedTokenSchema = z.looseObject({
  id: z.string(),
  token: z.string(),
  name: z.string(),
  workspace_id: z.string(),
  expires_at: z.string(),
});

export const remoteTokensSchema = z.array(
  z.looseObject({
    id: z.string(),
    name: z.string(),
    workspace_id: z.string(),
    expires_at: z.string(),
    revoked_at: z.string().nullish(),
    last_used_at: z.string().nullish(),
  }),
);

export const remoteSessionsSchema = z.array(
  z.looseObject({
    email: z.string(),
    client_name: z.string().nullish(),
    client_version: z.string().nullish(),
    ip: z.string().nullish(),
    opened_at: z.string(),
    ended_at: z.string().nullish(),
  }),
);

const signingKeySchema = z.looseObject({
  kid: z.string(),
  status: z.string(),
  created_at: z.string(),
  activates_at: z.string().nullish(),
  published_until: z.string().nullish(),
  agent_identities: z.number().nullish(),
});
export const rotatedKeySchema = signingKeySchema;
export const signingKeysSchema = z.object({ keys: z.array(signingKeySchema) });

export const withdrawnKeySchema = z.looseObject({
  withdrawn: z.string(),
  active: z.string().nullish(),
  agent_identities: z.number().nullish(),
});

export const userSchema = z.looseObject({
  id: z.string(),
  email: z.string(),
  role: z.string(),
  disabled_at: z.string().nullish(),
  last_seen_at: z.string().nullish(),
  /** After a creation or a reset, this once. */
  one_time_password: z.string().optional(),
});
export type User = z.infer<typeof userSchema>;
export const usersPageSchema = z.object({ users: z.array(userSchema), next_cursor: z.string().nullish() });

const overseenWorkspaceSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  members: z.number(),
  /** Email addresses. */
  owners: z.array(z.string()),
});
export type OverseenWorkspace = z.infer<typeof overseenWorkspaceSchema>;
export const overseenWorkspacesPageSchema = z.object({
  workspaces: z.array(overseenWorkspaceSchema),
  next_cursor: z.string().nullish(),
});
