import { rsaPublicKey } from '@codex-gateways/crypto';
import jwt from 'jsonwebtoken';
import { addAgent, agentIdentities, revokeAgent } from '../../test/agent.ts';
import { useWorld } from '../../test/use-world.ts';

describe('agent identities', () => {
  const world = useWorld();

  async function setUp() {
    const person = await world.addPerson();
    const workspaceId = await world.addWorkspace([{ person, role: 'member' }]);
    return { person, workspaceId };
  }

  it('are JWTs with the claims that the CLI insists on, signed by a published key', async () => {
    const { person, workspaceId } = await setUp();
    const agent = await addAgent(world, { person, workspaceId, lifetimeSeconds: 3600 });
    const { body: jwks } = await world.send('GET', '/agent-identities/jwks');
    const { kid } = jwt.decode(agent.jwt, { complete: true })?.header ?? {};
    const published = jwks.keys.find((key: { kid: string }) => key.kid === kid);
    const claims = jwt.verify(agent.jwt, rsaPublicKey(published), {
      algorithms: ['RS256'],
      audience: 'codex-app-server',
      issuer: 'https://chatgpt.com/codex-backend/agent-identity',
    });
    expect(claims).toEqual({
      iss: 'https://chatgpt.com/codex-backend/agent-identity',
      aud: 'codex-app-server',
      iat: expect.any(Number),
      exp: expect.any(Number),
      agent_runtime_id: agent.id,
      agent_private_key: expect.stringMatching(/^MC4CAQAwBQYDK2VwBCIEI[A-Za-z0-9+/]{43}$/),
      account_id: workspaceId,
      chatgpt_user_id: person.id,
      email: person.email,
      plan_type: expect.any(String),
      chatgpt_account_is_fedramp: false,
    });
    const { iat, exp } = claims as { iat: number; exp: number };
    expect(exp - iat).toBe(3600);
  });

  it('leave their private key nowhere but in the JWT', async () => {
    const agent = await addAgent(world, await setUp());
    const { agent_private_key: privateKey } = jwt.decode(agent.jwt) as { agent_private_key: string };
    const seed = Buffer.from(privateKey, 'base64').subarray(-32);
    const tables = ['codex_agent_identities', 'codex_agent_tasks', 'audit_events'];
    for (const table of tables) {
      const { rows } = await world.db.query<{ row: string }>(`select t::text as row from codex_auth.${table} t`);
      const everything = rows.map(({ row }) => row).join('\n');
      expect(everything).not.toContain(seed.toString('hex'));
      expect(everything).not.toContain(privateKey);
      expect(everything).not.toContain(agent.jwt.split('.')[2]);
    }
    const { rows } = await world.db.query(
      'select length(public_key) as bytes, jwt_signed_with from codex_auth.codex_agent_identities where agent_runtime_id = $1',
      [agent.id],
    );
    const header = jwt.decode(agent.jwt, { complete: true })?.header;
    expect(rows).toEqual([{ bytes: 32, jwt_signed_with: header?.kid }]);
  });

  it('are listed by workspace, with when they end and when they were revoked', async () => {
    const mine = await setUp();
    const agent = await addAgent(world, mine);
    await addAgent(world, await setUp());
    const identities = await agentIdentities(world, 3600);
    const [listed, ...others] = await identities.listOf(mine.workspaceId);
    expect(others).toEqual([]);
    expect(listed).toMatchObject({ agentRuntimeId: agent.id, userId: mine.person.id, revokedAt: undefined });
    await revokeAgent(world, agent);
    await revokeAgent(world, agent);
    expect((await identities.listOf(mine.workspaceId))[0]?.revokedAt).toBeInstanceOf(Date);
    const { rows } = await world.db.query(
      'select action from codex_auth.audit_events where subject_id = $1 order by id',
      [agent.id],
    );
    expect(rows.map(({ action }) => action)).toEqual(['agent_identity.minted', 'agent_identity.revoked']);
  });
});
