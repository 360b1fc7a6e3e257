import { setTimeout as delay } from 'node:timers/promises';
import { dialReplicaSocket, type SocketDialOutcome } from '@codex-gateways/cluster';
import { type Clock, currentTraceparent, HttpError } from '@codex-gateways/service';
import { z } from 'zod';
import { AppServerElsewhereError, type AppServerHome } from '../app-server/app-server.ts';
import type { Caller } from '../authentication/authenticator.ts';
import type { Limits } from '../config.ts';
import type { Join, Reach } from '../proxy/reach-app-server.ts';
import type { PendingUpgrade } from '../proxy/upgrade-listener.ts';
import { unavailable } from '../proxy/upgrade-refusal.ts';
import { ForwardedConnection } from './forwarded-connection.ts';
import { watchHome } from './home-liveness.ts';
import { FORWARDED_PATH, HOP_REFUSED, mintHop, NOT_HOME } from './hop-grant.ts';

export type ForwardOutcome = 'joined' | 'refused' | 'unreachable';

export interface ReachHomesDeps {
  /** App-servers of this gateway. */
  readonly local: Reach;
  readonly hopSecret: string;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly observer: { closed(code: number): void; forwarded(outcome: ForwardOutcome): void };
}

/** A gateway that is dead keeps a workspace until its lease is over, which is soon: so it is worth to wait. */
const LOOK_AGAIN_MS = 500;
const refusalSchema = z.object({ error: z.object({ code: z.string().max(64), message: z.string().max(1000) }) });

/** Reaches app-servers at whichever gateway has them: this one, or another one over one internal hop. */
export function reachHomes(deps: ReachHomesDeps): Reach {
  return async (caller, upgrade) => {
    const { deadline } = upgrade;
    for (let takeOver = false; !deadline.isOver; ) {
      const reached = await locally(deps.local, { ...caller, takeOver }, upgrade);
      if (!('home' in reached)) return reached.join;
      const hop = await forward(deps, { caller, upgrade, home: reached.home });
      if (hop.kind === 'joined') return hop.join;
      takeOver = hop.takeOver;
      await delay(LOOK_AGAIN_MS, undefined, { signal: deadline.signal }).catch(() => undefined);
    }
    throw unavailable('home_unreachable', "the gateway that has this workspace's app-server cannot be reached");
  };
}

async function locally(
  local: Reach,
  caller: Caller & { takeOver: boolean },
  upgrade: PendingUpgrade,
): Promise<{ join: Join } | { home: AppServerHome }> {
  try {
    return { join: await local(caller, upgrade) };
  } catch (error) {
    if (error instanceof AppServerElsewhereError) return { home: error.home };
    throw error;
  }
}

type Forwarded =
  | { readonly kind: 'joined'; readonly join: Join }
  /** The workspace may be elsewhere by now; `takeOver` unless its home says that it lives. */
  | { readonly kind: 'missed'; readonly takeOver: boolean };

async function forward(
  deps: ReachHomesDeps,
  { caller, upgrade, home }: { caller: Caller; upgrade: PendingUpgrade; home: AppServerHome },
): Promise<Forwarded> {
  const outcome = await dial(deps, { caller, upgrade, home });
  deps.observer.forwarded(outcome.kind === 'open' ? 'joined' : outcome.kind);
  if (outcome.kind === 'unreachable') return { kind: 'missed', takeOver: true };
  if (outcome.kind === 'refused') return missedOrRefused(outcome);
  const { ws: hop } = outcome;
  hop.on('error', () => undefined); // a close follows
  upgrade.attempt.onFailure(() => hop.terminate());
  const { limits, observer } = deps;
  return { kind: 'joined', join: (client) => new ForwardedConnection({ client, hop, limits, observer }) };
}

async function dial(
  { hopSecret: secret, clock, limits }: ReachHomesDeps,
  { caller, upgrade, home }: { caller: Caller; upgrade: PendingUpgrade; home: AppServerHome },
): Promise<SocketDialOutcome> {
  const gone = new AbortController();
  const onGone = () => gone.abort();
  upgrade.socket.once('close', onGone);
  const endWatch = watchHome(home.url, onGone);
  const outcome = await dialReplicaSocket({
    internalUrl: home.url,
    path: FORWARDED_PATH,
    token: mintHop(caller, { name: home.name, secret, nowSeconds: clock.nowSeconds() }),
    requestId: upgrade.scope.requestId,
    traceparent: currentTraceparent() ?? upgrade.scope.headers.traceparent,
    maxPayloadBytes: limits.maxFrameBytes,
    memory: upgrade.memory,
    timeoutMs: limits.upgradeTimeoutMs,
    signal: AbortSignal.any([gone.signal, upgrade.deadline.signal]),
  });
  endWatch();
  upgrade.socket.off('close', onGone);
  return outcome;
}

/** @throws {HttpError} what the other gateway refuses the client with, unless it says that it has not the workspace (any more) */
function missedOrRefused({ status, body }: { status: number; body: unknown }): Forwarded {
  const parsed = refusalSchema.safeParse(body);
  const { code, message } = parsed.success ? parsed.data.error : { code: HOP_REFUSED, message: '' };
  if (code === NOT_HOME) return { kind: 'missed', takeOver: false };
  if (code === HOP_REFUSED || code === 'draining') return { kind: 'missed', takeOver: true };
  if (status === 503) throw unavailable(code, message);
  throw new HttpError(status, code, message);
}
