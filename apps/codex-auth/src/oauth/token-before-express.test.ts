import { CLI_CLIENT_ID, OAuthClient } from '../../test/oauth-client.ts';
import { useAuthService } from '../../test/use-auth-service.ts';

const auth = useAuthService();
const client = new OAuthClient(() => auth.url);
const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';

/** A whole answer but for its date. A path with a slash at the end is Express's alone. */
async function answerAt(path: string, [type, body, headers = {}]: Sent): Promise<object> {
  const answer = await fetch(auth.url + path, {
    method: 'POST',
    headers: { 'content-type': type, 'x-request-id': 'one-and-the-same', ...headers },
    body,
  });
  const sentBack = [...answer.headers].filter(([name]) => name !== 'date');
  return { status: answer.status, headers: sentBack, body: await answer.text() };
}

type Sent = readonly [type: string, body: string, headers?: Record<string, string>];

const json = (parameters: object): Sent => [JSON_TYPE, JSON.stringify(parameters)];
const refresh = { grant_type: 'refresh_token', refresh_token: 'A'.repeat(43) };

const REFUSED: readonly (readonly [string, Sent])[] = [
  ['no parameters', [FORM, '']],
  ['no grant type', [FORM, 'x=1']],
  ['an unknown grant type', [FORM, 'grant_type=nope']],
  ['no refresh token', [FORM, `grant_type=refresh_token&client_id=${CLI_CLIENT_ID}`]],
  ['an unknown refresh token', json({ ...refresh, client_id: CLI_CLIENT_ID })],
  ['an unknown client', json({ ...refresh, client_id: 'unknown' })],
  ['a repeated parameter', [FORM, 'grant_type=a&grant_type=b']],
  ['a NUL in a form', [FORM, 'grant_type=a%00b']],
  ['a NUL in JSON', json({ grant_type: 'a\0b' })],
  ['brackets in a name', [FORM, 'a[b]=1&grant_type=nope']],
  ['a name of the prototype', [FORM, '__proto__=1&grant_type=nope']],
  ['broken percent signs', [FORM, '%zz=%zz&grant_type=nope']],
  ['too many parameters', [FORM, Array.from({ length: 101 }, (_, index) => `p${index}=1`).join('&')]],
  ['too long a body', [FORM, 'x'.repeat(200_000)]],
  ['broken JSON', [JSON_TYPE, '{']],
  ['JSON that is no object', [JSON_TYPE, '"text"']],
  ['a list', [JSON_TYPE, '[]']],
  ['a value that is no text', json({ grant_type: 7 })],
  ['a value that is a list', json({ grant_type: ['refresh_token'] })],
  ['another type', ['text/plain', 'grant_type=x']],
  ['malformed basic credentials', [FORM, 'grant_type=refresh_token', { authorization: 'Basic YTpi' }]],
];

describe('the token endpoint, before Express and in it', () => {
  it.each(REFUSED)('refuses with one and the same answer: %s', async (_what, sent) => {
    const [before, within] = [await answerAt('/oauth/token', sent), await answerAt('/oauth/token/', sent)];
    expect(before).toEqual(within);
    expect(before).toMatchObject({ status: expect.any(Number), body: expect.stringContaining('"error":') });
  });

  it('ignores what it does not know, whatever its value (RFC 6749 §3.2), and takes null for absent', async () => {
    const { refresh_token } = await client.tokens();
    const unknown = { reason: 'forced', attempt: 2, isForced: true, process: { id: 1 }, features: ['a', 'b'] };
    const sent = json({
      ...{ grant_type: 'refresh_token', client_id: CLI_CLIENT_ID, refresh_token },
      ...{ ...unknown, scope: null, client_secret: null },
    });
    for (const path of ['/oauth/token', '/oauth/token/']) {
      expect(await answerAt(path, sent)).toMatchObject({ status: 200 });
    }
  });

  it.each(['grant_type', 'refresh_token', 'client_id', 'scope', 'client_secret'])(
    'refuses %s that is no text',
    async (name) => {
      const good = { grant_type: 'refresh_token', client_id: CLI_CLIENT_ID, refresh_token: 'A'.repeat(43) };
      for (const value of [7, true, {}, ['a'], []]) {
        const answer = await answerAt('/oauth/token', json({ ...good, [name]: value }));
        expect(answer).toMatchObject({ status: 400, body: expect.stringContaining('"invalid_request"') });
      }
    },
  );

  it('gives tokens in answers of the same form', async () => {
    const { refresh_token } = await client.tokens();
    const sent = json({ grant_type: 'refresh_token', client_id: CLI_CLIENT_ID, refresh_token });
    const answers = [await answerAt('/oauth/token', sent), await answerAt('/oauth/token/', sent)];
    const [before, within] = answers.map((answer) => {
      const { body, ...rest } = answer as { body: string };
      return { ...rest, members: Object.keys(JSON.parse(body)) };
    });
    expect(before).toEqual(within);
    // RFC 6749 §5.1 asks for both.
    const unkept = expect.arrayContaining([
      ['cache-control', 'no-store'],
      ['pragma', 'no-cache'],
    ]);
    expect(before).toMatchObject({ status: 200, headers: unkept });
  });
});
