import { type InternalAnswer, type InternalClient, ServiceUnavailableError } from '@codex-gateways/service';
import { z } from 'zod';
import type { AppServerHome } from '../app-server/app-server.ts';

const BASE = '/api/exec-gateway';
const homeSchema = z.object({
  home_name: z.string().min(1).max(128),
  home_url: z.url().max(256),
  is_mine: z.boolean(),
  epoch: z.int().min(1),
});
const renewedSchema = z.object({ lost: z.array(z.string().max(128)) });

/** This gateway, as the others know it. */
export interface ReplicaIdentity {
  readonly name: string;
  /** Where the others reach it. */
  readonly url: string;
  readonly leaseSeconds: number;
}

export type Claim =
  | { readonly kind: 'mine'; readonly epoch: number }
  | { readonly kind: 'elsewhere'; readonly home: AppServerHome };

/**
 * What the exec-gateway has on record about which app-gateway has the app-server of a workspace.
 * Every call throws {@link ServiceUnavailableError} when there is no usable answer.
 */
export class HomeRecord {
  readonly #execGateway: Pick<InternalClient, 'request'>;
  readonly #identity: { gateway_name: string; gateway_url: string; lease_seconds: number };

  constructor(execGateway: Pick<InternalClient, 'request'>, { name, url, leaseSeconds }: ReplicaIdentity) {
    this.#execGateway = execGateway;
    this.#identity = { gateway_name: name, gateway_url: url, lease_seconds: leaseSeconds };
  }

  /** @param takeOver - the last home could not be reached: only a live lease keeps the workspace there */
  async acquire(workspaceId: string, takeOver: boolean): Promise<Claim> {
    const answer = await this.#execGateway.request({
      method: 'POST',
      path: `${BASE}/app-server-homes/${encodeURIComponent(workspaceId)}/acquire`,
      body: { ...this.#identity, take_over: takeOver },
    });
    const { home_name: name, home_url: url, is_mine: isMine, epoch } = read(homeSchema, answer);
    return isMine ? { kind: 'mine', epoch } : { kind: 'elsewhere', home: { name, url } };
  }

  /** @returns the workspaces that another gateway has by now */
  async renew(held: ReadonlyMap<string, number>): Promise<readonly string[]> {
    const answer = await this.#execGateway.request({
      method: 'POST',
      path: `${BASE}/app-server-homes/renew`,
      body: { ...this.#identity, held: [...held].map(([workspace_id, epoch]) => ({ workspace_id, epoch })) },
    });
    return read(renewedSchema, answer).lost;
  }

  async release(workspaceId: string, epoch: number): Promise<void> {
    const query = new URLSearchParams({ gateway_name: this.#identity.gateway_name, epoch: String(epoch) });
    await this.#delete(`/app-server-homes/${encodeURIComponent(workspaceId)}?${query}`);
  }

  /** Ends everything that this gateway has. */
  async forget(): Promise<void> {
    await this.#delete(`/app-gateways/${encodeURIComponent(this.#identity.gateway_name)}`);
  }

  async #delete(path: string): Promise<void> {
    const { status } = await this.#execGateway.request({ method: 'DELETE', path: `${BASE}${path}` });
    if (status !== 204) throw new ServiceUnavailableError(`the exec-gateway answered ${status}`);
  }
}

function read<Schema extends z.ZodType>(schema: Schema, { status, body }: InternalAnswer): z.infer<Schema> {
  const parsed = status === 200 ? schema.safeParse(body) : undefined;
  if (!parsed?.success) throw new ServiceUnavailableError(`the exec-gateway answered ${status} about homes`);
  return parsed.data;
}
