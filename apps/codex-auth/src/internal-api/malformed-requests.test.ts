import fc from 'fast-check';
import { addAgent } from '../../test/agent.ts';
import { CountingBcrypt } from '../../test/counting-bcrypt.ts';
import { INTERNAL_SECRET } from '../../test/use-auth-service.ts';
import { useWorld } from '../../test/use-world.ts';

/** What attackers put where text is expected. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom('\0', "'; drop table users; --", '\ud800', '../../etc', '%00', '__proto__', 'ast_', '9'.repeat(400)),
  fc.jsonValue({ maxDepth: 2 }),
);

const timestamp = fc.oneof(
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.constantFrom('+275760-09-13T00:00:00Z', '2026-13-45T99:99:99Z', '0000-00-00T00:00:00Z'),
  hostile,
);

const assertion = fc
  .record({ agent_runtime_id: hostile, task_id: hostile, timestamp, signature: hostile }, { requiredKeys: [] })
  .map((claims) => Buffer.from(JSON.stringify(claims)).toString('base64url'));

const remoteToken = fc
  .tuple(fc.stringMatching(/^[0-9a-f]{24}$/), fc.stringMatching(/^[A-Za-z0-9_-]{43}$/))
  .map(([id, secret]) => `ast_${id}_${secret}`);

const validateBody = fc.record(
  {
    scheme: fc.oneof(fc.constantFrom('bearer', 'agent_assertion'), hostile),
    token: hostile,
    assertion: fc.oneof(assertion, hostile),
    account_id: fc.oneof(fc.constant('ws_1'), hostile),
  },
  { requiredKeys: [] },
);
const verifyBody = fc.record({ token: fc.oneof(remoteToken, hostile) }, { requiredKeys: [] });
const taskBody = fc.record({ timestamp, signature: hostile }, { requiredKeys: [] });
const apiBody = fc.record(
  { workspace_id: hostile, name: hostile, description: hostile, is_default: hostile, expires_at: hostile },
  { requiredKeys: [] },
);

/** Every byte written out, also what `encodeURIComponent` refuses, such as half a surrogate pair. */
function percentEncoded(text: string): string {
  return Buffer.from(text).toString('hex').replace(/../g, '%$&') || '%';
}

describe('requests as attackers form them', () => {
  const world = useWorld(
    { CODEX_AUTH_BCRYPT_COST: '4', CODEX_AUTH_BCRYPT_QUEUE: '10000' },
    { bcrypt: new CountingBcrypt() },
  );

  /** No answer is a 5xx, nor a success. */
  async function neverBreaks(send: (input: unknown) => Promise<{ status: number }>, inputs: fc.Arbitrary<unknown>) {
    const property = fc.asyncProperty(inputs, async (input) => {
      const { status } = await send(input);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    });
    await fc.assert(property, { numRuns: 300 });
  }

  it('never break validate', () =>
    neverBreaks((body) => world.internal('/internal/codex-auth/validate', body), fc.oneof(validateBody, hostile)));

  it('never break verify', () =>
    neverBreaks((body) => world.internal('/api/internal/codex/tokens/verify', body), fc.oneof(verifyBody, hostile)));

  it('never break a task registration, whatever the agent is called', async () => {
    const person = await world.addPerson();
    const workspaceId = await world.addWorkspace([{ person, role: 'owner' }]);
    const agent = await addAgent(world, { person, workspaceId });
    const inputs = fc.tuple(
      fc.oneof(
        fc.constant(agent.id),
        hostile.map((value) => JSON.stringify(value) ?? ''),
      ),
      fc.oneof(taskBody, hostile),
    );
    await neverBreaks((input) => {
      const [id, body] = input as [string, unknown];
      const path = `/v1/agent/${percentEncoded(id)}/task/register`;
      return world.send('POST', path, body);
    }, inputs);
  });

  it('never break what people call', async () => {
    const person = await world.addPerson({ role: 'admin' });
    const inputs = fc.tuple(fc.constantFrom('/api/codex/tokens', '/api/codex/connectors'), fc.oneof(apiBody, hostile));
    await neverBreaks((input) => {
      const [path, body] = input as [string, unknown];
      return world.call(person, 'POST', path, body);
    }, inputs);
  });

  it('never break when the body is no JSON at all, or says that it is something else', async () => {
    const contentType = fc.constantFrom(
      'application/json',
      'application/json; charset=utf-16',
      'text/plain',
      'multipart/form-data',
    );
    const inputs = fc.tuple(contentType, fc.string({ maxLength: 100 }));
    await neverBreaks((input) => {
      const [type, body] = input as [string, string];
      const headers = { 'content-type': type, 'x-internal-secret': INTERNAL_SECRET };
      return world.send('POST', '/internal/codex-auth/validate', body, headers);
    }, inputs);
  });
});
