import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { capabilityToken } from '@codex-gateways/tokens';
import type { LocalStack } from '../../src/index.ts';
import { callApi } from '../api.ts';

const PAUSE_MS = 50;

/** Turns that are revoked all the time, and what became of those revocations that were accepted. */
export class RevocationTraffic {
  readonly #stack: LocalStack;
  readonly #workspaceId: string;
  readonly #accepted: string[] = [];
  readonly refused: string[] = [];
  #isOver = false;
  readonly #running: Promise<void>;

  constructor(stack: LocalStack, workspaceId: string) {
    this.#stack = stack;
    this.#workspaceId = workspaceId;
    this.#running = this.#revoke();
  }

  get accepted(): number {
    return this.#accepted.length;
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  /** Capabilities that a replica honours although their turn's revocation was accepted. */
  async honoured(): Promise<string[]> {
    const replicas = this.#stack.replicas('exec');
    const asked = this.#accepted.flatMap((capability) => replicas.map(({ url }) => ({ capability, url })));
    const honoured: string[] = [];
    for (const { capability, url } of asked) {
      const { status } = await callApi(`${url}/api/exec-gateway/connected`, { bearer: capability });
      if (status !== 401) honoured.push(`${url}: ${status}`);
    }
    return honoured;
  }

  async #revoke(): Promise<void> {
    const { urls, secrets } = this.#stack;
    while (!this.#isOver) {
      const turnId = randomUUID();
      const iat = Math.floor(Date.now() / 1000);
      const claims = { turn_id: turnId, workspace_id: this.#workspaceId, iat, exp: iat + 3600 };
      const capability = capabilityToken.mint(claims, secrets.captokenSecret);
      const answer = await callApi(`${urls.exec}/api/exec-gateway/revoke-turn`, {
        method: 'POST',
        bearer: secrets.execSharedSecret,
        json: { turn_id: turnId },
      }).catch((error: unknown) => ({ status: String(error) }));
      if (answer.status === 204) this.#accepted.push(capability);
      else this.refused.push(String(answer.status));
      await delay(PAUSE_MS);
    }
  }
}
