import { CLIENT_ASSERTION_ALGORITHMS } from '@codex-gateways/tokens';
import { Router } from 'express';
import { CLIENT_AUTH_METHODS, DEVICE_CODE_GRANT } from '../oauth/clients.ts';
import { SCOPES } from '../oauth/scopes.ts';

const MAX_AGE_SECONDS = 300;

/**
 * Discovery documents (OpenID Connect Discovery §4, RFC 8414 §3). For an issuer with a path the router is mounted under that
 * path as well, and here the path is appended to the well-known name.
 */
export function metadataRoutes({ issuer, hasRegistration }: { issuer: string; hasRegistration: boolean }): Router {
  const router = Router();
  const document = JSON.stringify(serverMetadata(issuer, hasRegistration));
  const issuerPath = new URL(issuer).pathname.replace(/\/+$/, '');
  const names = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'];
  const paths = issuerPath === '' ? names : [...names, ...names.map((name) => name + issuerPath)];
  router.get(paths, (_req, res) => {
    res
      .set('Cache-Control', `public, max-age=${MAX_AGE_SECONDS}`)
      .set('Access-Control-Allow-Origin', '*')
      .type('application/json')
      .send(document);
  });
  return router;
}

function serverMetadata(issuer: string, hasRegistration: boolean) {
  const authMethods = CLIENT_AUTH_METHODS;
  const algorithms = CLIENT_ASSERTION_ALGORITHMS;
  return {
    issuer,
    authorization_endpoint: `${issuer}/oauth/authorize`,
    token_endpoint: `${issuer}/oauth/token`,
    revocation_endpoint: `${issuer}/oauth/revoke`,
    introspection_endpoint: `${issuer}/oauth/introspect`,
    userinfo_endpoint: `${issuer}/oauth/userinfo`,
    device_authorization_endpoint: `${issuer}/oauth/device_authorization`,
    ...(hasRegistration ? { registration_endpoint: `${issuer}/oauth/register` } : {}),
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    scopes_supported: Object.keys(SCOPES),
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token', DEVICE_CODE_GRANT],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: authMethods,
    token_endpoint_auth_signing_alg_values_supported: algorithms,
    revocation_endpoint_auth_methods_supported: authMethods,
    revocation_endpoint_auth_signing_alg_values_supported: algorithms,
    introspection_endpoint_auth_methods_supported: authMethods.filter((method) => method !== 'none'),
    introspection_endpoint_auth_signing_alg_values_supported: algorithms,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
    claims_supported: ['iss', 'sub', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'email', 'email_verified', 'name'],
    claims_parameter_supported: false,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    authorization_response_iss_parameter_supported: true,
  };
}
