import { randomToken } from '@codex-gateways/crypto';
import type { InternalClient, Logger } from '@codex-gateways/service';
import { type Execution, httpBaseOf } from '../app-server/child-environment.ts';
import type { Generation } from '../app-server/generation.ts';
import { ExecutorAccess } from '../turns/executor-access.ts';
import type { Turn, TurnSubject, Turns } from '../turns/turns.ts';
import { refusalLabel } from './refusals.ts';
import type { Registry } from './registry.ts';
import { Rendezvous } from './rendezvous.ts';

export interface ExecutorLinksDeps {
  readonly registry: Pick<Registry, 'open'>;
  readonly turns: Pick<Turns, 'begin' | 'mint' | 'end'>;
  /** The exec-gateway as app-servers reach it: the address that it answers with depends on it. */
  readonly execGateway: Pick<InternalClient, 'request'>;
  readonly execGatewayUrl: string;
  /** Of the CLI. */
  readonly generation: Generation;
  readonly observer: { executorRefused(code: string): void };
  readonly log: Logger;
}

/** One app-server's way to its executor, from before its start until after its end. */
export interface ExecutorLink {
  readonly access: Pick<ExecutorAccess, 'exeId' | 'turnId' | 'quiet' | 'admitted'>;
  /** What the app-server is told of it. */
  readonly execution: Execution;
  /** What the app-server is working on; to be kept up to date by who has it. */
  readonly activeTurnIds: Set<string>;
  /** From here on nothing of it is good for anything. Safe to call twice. */
  close(): void;
}

/** Makes the ways of app-servers to their executors. */
export class ExecutorLinks {
  readonly #deps: ExecutorLinksDeps;

  constructor(deps: ExecutorLinksDeps) {
    this.#deps = deps;
  }

  /** @param onNotice - told what the person at a client should know of */
  async open(subject: TurnSubject, onNotice: (message: string) => void): Promise<ExecutorLink> {
    const { registry, turns, execGateway, execGatewayUrl, generation, observer, log } = this.#deps;
    const activeTurnIds = new Set<string>();
    const turn = await turns.begin(subject);
    const access = new ExecutorAccess({ turns, turn, activeTurnIds: () => activeTurnIds });
    const rendezvous = new Rendezvous({
      execGateway,
      execGatewayUrl: httpBaseOf(execGatewayUrl),
      access,
      log: log.child({ workspace_id: subject.workspaceId }),
      onRefused: (code, notice) => {
        observer.executorRefused(refusalLabel(code));
        onNotice(notice);
      },
    });
    const entrance = registry.open(rendezvous, await this.#credentialFor(turn));
    const { exeId, workspaceId } = subject;
    const { url: registryUrl, token: registryToken, bridgeUrl } = entrance;
    const way =
      generation === 'legacy'
        ? ({ kind: 'legacy-executor', bridgeUrl } as const)
        : ({ kind: 'executor', registryUrl, registryToken } as const);
    return {
      access,
      execution: { ...way, exeId, workspaceId, execGatewayUrl },
      activeTurnIds,
      close() {
        entrance.close();
        access.end();
      },
    };
  }

  /**
   * What the app-server shows at its entrance: the turn's first capability token. One without encryption prints its bridge's
   * address, token included, when its executor is away: its token is good for nothing else.
   */
  async #credentialFor(turn: Turn): Promise<string> {
    return this.#deps.generation === 'legacy' ? randomToken() : (await this.#deps.turns.mint(turn)).token;
  }
}
