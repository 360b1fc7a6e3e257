import { type SigningKey, signRs256 } from './jws.ts';

/** The claim under which the Codex CLI looks for who signed in and which account it works for. */
export const OPENAI_AUTH_CLAIM = 'https://api.openai.com/auth';

/** Who signed in, in this system's words; the workspace is what the CLI calls the account. */
export interface IdTokenSubject {
  readonly userId: string;
  readonly email: string;
  readonly workspaceId: string;
  readonly isOwner: boolean;
}

/**
 * Builds an ID token (OpenID Connect Core §2) with the nested claim that the CLI reads: `chatgpt_account_id` becomes the
 * `account_id` of auth.json, and the rest fills the CLI's success page (docs/protocol.md).
 * @param lifetimeSeconds - from `nowSeconds` to `exp`
 */
export async function buildIdToken(
  key: SigningKey,
  {
    issuer,
    audience,
    subject,
    nonce,
    authTimeSeconds,
    nowSeconds,
    lifetimeSeconds,
  }: {
    issuer: string;
    audience: string;
    subject: IdTokenSubject;
    nonce?: string | undefined;
    authTimeSeconds?: number | undefined;
    nowSeconds: number;
    lifetimeSeconds: number;
  },
): Promise<string> {
  return signRs256(key, {
    iss: issuer,
    sub: subject.userId,
    aud: audience,
    iat: nowSeconds,
    exp: nowSeconds + lifetimeSeconds,
    ...(authTimeSeconds === undefined ? {} : { auth_time: authTimeSeconds }),
    ...(nonce === undefined ? {} : { nonce }),
    email: subject.email,
    email_verified: true,
    [OPENAI_AUTH_CLAIM]: openAiAuthClaim(subject),
  });
}

function openAiAuthClaim(subject: IdTokenSubject) {
  return {
    chatgpt_account_id: subject.workspaceId,
    chatgpt_user_id: subject.userId,
    chatgpt_plan_type: PLAN_TYPE,
    user_id: subject.userId,
    organization_id: subject.workspaceId,
    project_id: '',
    completed_platform_onboarding: true,
    is_org_owner: subject.isOwner,
  };
}

/**
 * The plan that the CLI is told. For business plans (`enterprise` and the like) it insists on fetching the workspace's requirements
 * from the vendor's cloud and fails the login without them [0.169].
 */
export const PLAN_TYPE = 'pro';
