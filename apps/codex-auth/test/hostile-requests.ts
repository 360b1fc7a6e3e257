import { gzipSync } from 'node:zlib';
import type { ServedRoute } from '@codex-gateways/service';
import fc from 'fast-check';
import { CLI_CLIENT_ID } from './oauth-client.ts';
import type { RawRequest } from './raw-http.ts';

const NAMES = [
  'grant_type client_id client_secret code code_verifier redirect_uri refresh_token scope device_code token',
  'token_type_hint response_type code_challenge code_challenge_method state nonce prompt max_age login_hint',
  'email password csrf_token return_to user_code decision request device_auth_id workspace_id name scheme assertion',
  'client_assertion client_assertion_type redirect_uris grant_types jwks client_name token_endpoint_auth_method account_id',
  'iss error error_description provider subject',
  'expires_at expires_in_seconds max_uses description is_default timestamp signature limit cursor role id __proto__',
].flatMap((line) => line.split(' '));

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    ...[
      '',
      '\0',
      '\ud800',
      '%00',
      '../..',
      "' or 1=1 --",
      'a'.repeat(43),
      '-1',
      '1e309',
      'null',
      'none',
      'S256',
      '9'.repeat(400),
    ],
    ...['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code', CLI_CLIENT_ID],
    ...[
      'http://localhost:1455/auth/callback',
      'code',
      'BBBB-BBBB',
      'dev@localhost',
      'bearer',
      'agent_assertion',
      'x'.repeat(5000),
    ],
    ...[
      'https://client.example/cb',
      'private_key_jwt',
      'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.AA',
      '2026-01-01T00:00:00Z',
    ],
    'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  ),
);
const name = fc.oneof(fc.constantFrom(...NAMES), fc.string({ maxLength: 10 }));
const json = fc.oneof(
  text,
  fc.integer(),
  fc.double(),
  fc.constantFrom(null, true, [], {}, [[]]),
  fc.array(text, { maxLength: 3 }),
);
const pairs = fc.array(fc.tuple(name, text), { maxLength: 8 });
const form = pairs.map((each) => new URLSearchParams(each).toString());
const object = fc.array(fc.tuple(name, json), { maxLength: 8 }).map((each) => JSON.stringify(Object.fromEntries(each)));
const deep = fc.integer({ min: 1, max: 4000 }).map((depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`);
const content = fc.oneof(
  { weight: 4, arbitrary: object },
  { weight: 3, arbitrary: form },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 1, arbitrary: deep },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', '{', '[', '"', '{"a":', 'null', '\ufeff{}', 'a=%', 'a=%zz&a=b', 'a'.repeat(70_000)),
  },
  { weight: 1, arbitrary: fc.constant('a=b&'.repeat(2000)) },
);
const contentType = fc.constantFrom(
  ...['application/json', 'application/x-www-form-urlencoded', 'application/json; charset=utf-16', 'text/plain', ''],
  ...[
    'application/json; charset=nonsense',
    'application/x-www-form-urlencoded; charset=\xff',
    'multipart/form-data',
    '/',
    ';',
  ],
);
const encoding = fc.constantFrom('', '', '', 'gzip', 'gzip-broken', 'br', 'deflate', 'nonsense', 'gzip, gzip');
const headerText = fc.oneof(
  fc.stringMatching(/^[\x20-\x7e\x80-\xff]{0,60}$/),
  fc.constantFrom(
    'Bearer x',
    `Bearer ${'a'.repeat(43)}`,
    'Basic Og==',
    'Basic JTpi',
    'Bearer',
    'x'.repeat(9000),
    'AgentAssertion x',
  ),
);
const header = fc.tuple(
  fc.constantFrom(
    ...[
      'Authorization',
      'Cookie',
      'Origin',
      'Sec-Fetch-Site',
      'X-Forwarded-For',
      'X-Forwarded-Proto',
      'X-Internal-Secret',
    ],
    ...[
      'Accept',
      'If-None-Match',
      'Range',
      'X-Request-Id',
      'User-Agent',
      'Content-Type',
      'X-HTTP-Method-Override',
      'Te',
    ],
  ),
  headerText,
);
const method = fc.constantFrom(
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'HEAD',
  'PROPFIND',
  'NONSENSE',
  'get',
);
const segment = fc.oneof(
  fc.constantFrom(
    'x',
    '%00',
    '%ff',
    '%2e%2e',
    '..%2f',
    '%',
    'a'.repeat(300),
    'exe_1',
    '00000000-0000-4000-8000-000000000000',
    "'",
  ),
  fc.stringMatching(/^[!-~]{1,20}$/).map((each) => encodeURIComponent(each)),
);
const query = fc.oneof(
  form,
  fc.stringMatching(/^[!-~]{0,40}$/),
  fc.constant('a=1&a=2&client_id=x&client_id=y'),
  fc.constant(''),
);

export interface HostileRequest extends RawRequest {
  readonly route: ServedRoute;
}

/** Who a request claims to come from, as headers. */
export type Credentials = readonly (readonly [string, string])[];

/** Requests to these routes as nobody honest forms them. */
export function hostileRequests(
  routes: readonly ServedRoute[],
  credentials: readonly Credentials[],
): fc.Arbitrary<HostileRequest> {
  const target = (path: string, segments: readonly string[], search: string) => {
    let next = 0;
    const filled = path.replace(/:[A-Za-z]\w*/g, () => segments[next++] ?? 'x');
    return search === '' ? filled : `${filled}?${search}`;
  };
  return fc
    .record({
      route: fc.constantFrom(...routes),
      otherMethod: fc.option(method, { freq: 6 }),
      segments: fc.array(segment, { minLength: 2, maxLength: 2 }),
      query,
      content,
      contentType,
      encoding,
      credentials: fc.constantFrom(...credentials),
      headers: fc.array(header, { maxLength: 3 }),
    })
    .map((parts) => {
      const body = encoded(parts.content, parts.encoding);
      const own: [string, string][] = [['Content-Length', String(body.length)]];
      if (parts.contentType !== '') own.push(['Content-Type', parts.contentType]);
      if (parts.encoding !== '') own.push(['Content-Encoding', parts.encoding.replace('-broken', '')]);
      return {
        route: parts.route,
        method: parts.otherMethod ?? parts.route.method,
        target: target(parts.route.path, parts.segments, parts.query),
        headers: [...own, ...parts.credentials, ...parts.headers],
        body,
      };
    });
}

function encoded(body: string, encoding: string): Buffer {
  return encoding === 'gzip' ? gzipSync(body) : Buffer.from(body);
}
