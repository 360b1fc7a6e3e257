export { type AccessTokenClaims, accessTokenClaimsSchema, buildAccessToken } from './access-token.ts';
export {
  AGENT_TIMESTAMP_TOLERANCE_SECONDS,
  type AgentAssertion,
  mintAgentAssertion,
  parseAgentAssertion,
  verifyAgentAssertion,
  verifyTaskRegistration,
} from './agent-assertion.ts';
export {
  AGENT_IDENTITY_AUDIENCE,
  AGENT_IDENTITY_ISSUER,
  type AgentIdentitySubject,
  buildAgentIdentityJwt,
} from './agent-identity.ts';
export { type BridgeTicketClaims, bridgeTicket } from './bridge-ticket.ts';
export { type CapabilityClaims, capabilityToken } from './capability-token.ts';
export {
  CLIENT_ASSERTION_ALGORITHMS,
  type ClientAssertionAlgorithm,
  type ClientAssertionOutcome,
  type ClientAssertionRefusal,
  type ClientKey,
  clientIdOfAssertion,
  parseClientKey,
  verifyClientAssertion,
} from './client-assertion.ts';
export {
  type HarnessKeyAuthorizationClaims,
  harnessKeyAuthorization,
  type NoisePublicKey,
  noiseKeyDigest,
  noisePublicKeySchema,
} from './harness-key.ts';
export type { HmacTokenFormat, HmacTokenOutcome, HmacTokenRefusal } from './hmac-token.ts';
export { type HopClaims, hopToken } from './hop-token.ts';
export { buildIdToken, type IdTokenSubject, OPENAI_AUTH_CLAIM, PLAN_TYPE } from './id-token.ts';
export {
  type JwsOutcome,
  type JwsRefusal,
  type ParsedJws,
  parseJws,
  type SigningKey,
  signRs256,
  verifyRs256,
} from './jws.ts';
export { codeChallengeOf, isCodeChallenge, isCodeVerifier, mintCodeVerifier } from './pkce.ts';
export { isRefreshToken, mintRefreshToken, successorOfRefreshToken } from './refresh-token.ts';
export { mintRemoteToken, parseRemoteToken, type RemoteTokenParts } from './remote-token.ts';
export { mintUserCode, normalizeUserCode } from './user-code.ts';
export { mintWorkspaceToken, verifyWorkspaceToken } from './workspace-token.ts';
export { mintWsTicket, verifyWsTicket, type WsTicketOutcome } from './ws-ticket.ts';
