import { type LyingUpstream, registersClients, useLyingUpstream } from '../../test/lying-upstream.ts';
import { useUpstreamClients } from '../../test/use-upstream-clients.ts';
import { MAX_ANSWER_BYTES } from './ask-upstream.ts';

type Problem = 'bad_answer' | 'refused' | 'unreachable';
type Answerer = Parameters<LyingUpstream['on']>[1];

/** Also of the calls beside it, which are answered: on a busy machine, too. */
const PATIENCE_FOR_THE_ENDLESS_MS = 4000;
const fixture = useUpstreamClients();
const here = useLyingUpstream();
const settings = () => ({ name: 'corp', issuer: here().issuer, scopes: ['openid', 'email'] });
const resolve = () => fixture.newResolver().resolve(settings());

async function expectNothingStored(problem: Problem, answer: Answerer, timeoutMs?: number): Promise<void> {
  registersClients(here());
  here().on('POST /register', answer);
  here().on('POST /other', () => ({ client_id: 'other', client_secret: 's' }));
  const resolver = fixture.newResolver({ timeoutMs });
  await expect(resolver.resolve(settings())).rejects.toMatchObject({ name: 'UpstreamRegistrationError', problem });
  await expect(resolver.resolve(settings())).rejects.toMatchObject({ problem });
  expect(here().requests.filter(({ path }) => path === '/register').length).toBe(1);
  registersClients(here());
  fixture.clock.advance(11);
  expect((await resolver.resolve(settings())).clientId).toBe('registered');
}

describe('an answer of the registration endpoint', () => {
  it.each<[string, Problem, Answerer]>([
    ['without a client id', 'bad_answer', () => ({ client_secret: 's' })],
    ['with an empty client id', 'bad_answer', () => ({ client_id: '', client_secret: 's' })],
    ['with a client id of another type', 'bad_answer', () => ({ client_id: 7, client_secret: 's' })],
    ['with a line break in the secret', 'bad_answer', () => ({ client_id: 'c', client_secret: 's\r\nx: y' })],
    ['without a secret', 'bad_answer', () => ({ client_id: 'c' })],
    [
      'with a time of another type',
      'bad_answer',
      () => ({ client_id: 'c', client_secret: 's', client_id_issued_at: 'x' }),
    ],
    [
      'with a time beyond all',
      'bad_answer',
      () => ({ client_id: 'c', client_secret: 's', client_secret_expires_at: 1e17 }),
    ],
    [
      'with a secret that is over',
      'bad_answer',
      () => ({ client_id: 'c', client_secret: 's', client_secret_expires_at: 1 }),
    ],
    [
      'for another redirect URI',
      'bad_answer',
      () => ({ client_id: 'c', client_secret: 's', redirect_uris: ['https://x/'] }),
    ],
    [
      'that settles on a key',
      'bad_answer',
      () => ({ client_id: 'c', client_secret: 's', token_endpoint_auth_method: 'private_key_jwt' }),
    ],
    ['that is a list', 'bad_answer', () => [{ client_id: 'c', client_secret: 's' }]],
    ['that is no JSON', 'bad_answer', (_req, res) => void res.writeHead(201).end('<html>welcome</html>')],
    ['that is empty', 'bad_answer', (_req, res) => void res.writeHead(204).end()],
    ['that leads elsewhere', 'bad_answer', (_req, res) => void res.writeHead(307, { location: '/other' }).end()],
    ['that refuses', 'refused', (_req, res) => void res.writeHead(400).end('{"error":"invalid_redirect_uri"}')],
    ['that wants a token', 'refused', (_req, res) => void res.writeHead(401).end('{"error":"hunter2"')],
    ['that says later', 'unreachable', (_req, res) => void res.writeHead(503).end()],
    [
      'that is too much',
      'unreachable',
      (_req, res) => void res.writeHead(201).end(Buffer.alloc(MAX_ANSWER_BYTES + 1, ' ')),
    ],
    ['that breaks off', 'unreachable', (_req, res) => void res.destroy()],
  ])('%s is %s, and nothing is stored', (_, problem, answer) => expectNothingStored(problem, answer));

  it('that never ends is unreachable, and nothing is stored', () =>
    expectNothingStored('unreachable', (_req, res) => void res.writeHead(201).write('{'), PATIENCE_FOR_THE_ENDLESS_MS));

  it('that names an address in the clear for its management is used without it', async () => {
    registersClients(here(), {
      registration_client_uri: 'http://id.example/register/1',
      registration_access_token: 'manage',
    });
    expect((await resolve()).registrationClientUri).toBeUndefined();
  });

  it('with null for what it does not have is a client', async () => {
    registersClients(here(), { client_id_issued_at: null, registration_client_uri: null, redirect_uris: null });
    expect(await resolve()).toMatchObject({ clientId: 'registered', clientIdIssuedAt: undefined });
  });

  it('appears in no log', () => {
    expect(fixture.logged.length).toBeGreaterThan(0);
    expect(JSON.stringify(fixture.logged)).not.toMatch(/hunter2|let-me-in|manage/);
  });
});
