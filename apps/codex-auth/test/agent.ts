import { randomUUID } from 'node:crypto';
import { signEd25519 } from '@codex-gateways/crypto';
import { mintAgentAssertion, parseJws } from '@codex-gateways/tokens';
import { AgentIdentities } from '../src/agent-identity/agent-identities.ts';
import { createAuditLog } from '../src/audit/audit-log.ts';
import type { Answer, Person, World } from './use-world.ts';

/** What an executor does with its Agent Identity JWT, as the Codex CLI does it. */
export class Agent {
  readonly #world: World;
  readonly id: string;
  readonly jwt: string;
  readonly #privatePkcs8: Buffer;

  constructor(world: World, { id, jwt }: { id: string; jwt: string }) {
    this.#world = world;
    this.id = id;
    this.jwt = jwt;
    this.#privatePkcs8 = Buffer.from(String(parseJws(jwt)?.payload.agent_private_key), 'base64');
  }

  /** RFC 3339 with seconds, by the clock of the tests. */
  timestamp(aheadSeconds = 0): string {
    return new Date((this.#world.auth.clock.nowSeconds() + aheadSeconds) * 1000).toISOString().replace('.000Z', 'Z');
  }

  /** The body of a task registration. @param signed - what is signed instead of `<id>:<timestamp>` */
  registration(timestamp = this.timestamp(), signed = `${this.id}:${timestamp}`) {
    return { timestamp, signature: signEd25519(this.#privatePkcs8, signed).toString('base64') };
  }

  register(body: unknown = this.registration(), { prefix = '', id = this.id } = {}): Promise<Answer> {
    return this.#world.send('POST', `${prefix}/v1/agent/${encodeURIComponent(id)}/task/register`, body);
  }

  async registeredTask(): Promise<string> {
    const answer = await this.register();
    if (answer.status !== 200) throw new Error(`registering a task was answered ${answer.status} ${answer.text}`);
    return answer.body.task_id;
  }

  /** What follows `AgentAssertion `. */
  assertion(taskId: string, { timestamp = this.timestamp(), id = this.id } = {}): string {
    return mintAgentAssertion({ agentRuntimeId: id, taskId, timestamp }, this.#privatePkcs8);
  }
}

/** Mints an identity in the service's database. */
export async function addAgent(
  world: World,
  { person, workspaceId, lifetimeSeconds = 3600 }: { person: Person; workspaceId: string; lifetimeSeconds?: number },
): Promise<Agent> {
  const id = `exe_${randomUUID()}`;
  const identities = await agentIdentities(world, lifetimeSeconds);
  const origin = { ip: undefined, requestId: 'test' };
  const { jwt } = await identities.mint({
    agentRuntimeId: id,
    userId: person.id,
    email: person.email,
    workspaceId,
    origin,
  });
  return new Agent(world, { id, jwt });
}

export async function revokeAgent(world: World, agent: Agent): Promise<void> {
  await (await agentIdentities(world, 3600)).revoke({ agentRuntimeId: agent.id });
}

export async function agentIdentities(world: World, lifetimeSeconds: number): Promise<AgentIdentities> {
  const { db } = world;
  const keys = await world.signingKeys();
  return new AgentIdentities({ db, keys, clock: world.auth.clock, audit: createAuditLog(db), lifetimeSeconds });
}
