/** A grant, and its holder, for whom tokens are being issued. */
export interface IssuedGrant {
  readonly grantId: string;
  readonly clientId: string;
  readonly userId: string;
  readonly email: string;
  readonly workspaceId: string;
  readonly isOwner: boolean;
  /** Of the tokens being issued; within the grant's. */
  readonly scope: string;
  readonly authenticatedAt: Date | undefined;
}

/** The columns that every statement which issues tokens returns. */
export interface GrantedRow {
  grant_id: string;
  client_id: string;
  user_id: string;
  email: string;
  workspace_id: string;
  is_owner: boolean;
  scope: string;
  authenticated_at: Date | null;
}

export function toIssuedGrant(row: GrantedRow): IssuedGrant {
  return {
    grantId: row.grant_id,
    clientId: row.client_id,
    userId: row.user_id,
    email: row.email,
    workspaceId: row.workspace_id,
    isOwner: row.is_owner,
    scope: row.scope,
    authenticatedAt: row.authenticated_at ?? undefined,
  };
}
