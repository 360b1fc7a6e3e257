import { generateEd25519Key, randomToken } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import { type Clock, identifier, type Logger } from '@codex-gateways/service';
import { parseAgentAssertion, verifyAgentAssertion, verifyTaskRegistration } from '@codex-gateways/tokens';
import { z } from 'zod';
import { findRegistrationSubject } from './agent-identity-store.ts';
import { deleteExpiredAgentTasks, findAssertionSubject, insertAgentTask, touchAgentTask } from './agent-task-store.ts';

/** What `task/register` receives. */
export interface TaskRegistration {
  readonly agentRuntimeId: string;
  /** RFC 3339 UTC, as signed. */
  readonly timestamp: string;
  /** Base64 Ed25519 over `agent_runtime_id:timestamp`. */
  readonly signature: string;
}

/** `reason` is for logs alone: the caller learns only that it was refused. */
export type TaskOutcome =
  | { readonly ok: true; readonly taskId: string }
  | { readonly ok: false; readonly reason: string };

export type AssertionOutcome =
  | { readonly ok: true; readonly userId: string; readonly workspaceId: string }
  | { readonly ok: false; readonly reason: string };

export interface AgentTasksDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly log: Logger;
  /** From the last use of a task to its end. */
  readonly taskLifetimeSeconds: number;
  /** Tasks of one identity that may be live at once; the ones used longest ago give way. */
  readonly maxTasksPerIdentity: number;
}

const TASK_ID_BYTES = 18;
/** A use is written down at most this often, so that validating costs no write. */
const TOUCH_INTERVAL_MS = 3_600_000;

// What no id of ours is made of must not reach the database either: PostgreSQL fails on a NUL.
const idsSchema = z.object({ agent_runtime_id: identifier, task_id: identifier });

/**
 * Registers the tasks of executors and checks what they sign with them.
 *
 * The CLI registers one task when it starts, signs every later request with it, and ends when one is refused: it cannot
 * replace a task while it runs. So a task lives as long as it is used, and by default as long as its identity even when it is
 * not (docs/protocol.md, "Agent identity").
 */
export class AgentTasks {
  readonly #deps: AgentTasksDeps;
  // An unknown agent costs what a known one costs: a signature is checked all the same, against nobody's key.
  readonly #nobodysKey = generateEd25519Key().publicKey;

  constructor(deps: AgentTasksDeps) {
    this.#deps = deps;
  }

  /**
   * Registers a task for a signed timestamp that lies within five minutes. The CLI repeats a request whose answer it did not
   * get, byte for byte; the repetition finds the same task.
   */
  async register({ agentRuntimeId, timestamp, signature }: TaskRegistration): Promise<TaskOutcome> {
    const { db, clock, taskLifetimeSeconds, maxTasksPerIdentity } = this.#deps;
    const now = clock.now();
    const subject = await findRegistrationSubject(db, { agentRuntimeId, now });
    const isSigned = verifyTaskRegistration(
      { agentRuntimeId, timestamp, signature },
      subject?.publicKey ?? this.#nobodysKey,
      clock.nowSeconds(),
    );
    if (!subject) return { ok: false, reason: 'unknown_identity' };
    if (subject.refusal) return { ok: false, reason: subject.refusal };
    if (!isSigned) return { ok: false, reason: 'bad_signature_or_timestamp' };
    const task = {
      taskId: `task_${randomToken(TASK_ID_BYTES)}`,
      agentRuntimeId,
      userId: subject.userId,
      signedTimestamp: timestamp,
      issuedAt: now,
      expiresAt: new Date(now.getTime() + taskLifetimeSeconds * 1000),
    };
    return { ok: true, taskId: await insertAgentTask(db, task, maxTasksPerIdentity - 1) };
  }

  /**
   * Whom an assertion speaks for: what follows `AgentAssertion ` in an executor's Authorization header. One round trip.
   * An assertion is good for five minutes either way of its timestamp, as often as it is presented: the CLI's timestamps have
   * whole seconds, so two honest requests within one second carry the same assertion.
   */
  async authenticate(assertionText: string): Promise<AssertionOutcome> {
    const { db, clock } = this.#deps;
    const assertion = parseAgentAssertion(assertionText);
    if (!assertion || !idsSchema.safeParse(assertion).success) return { ok: false, reason: 'malformed' };
    const now = clock.now();
    const subject = await findAssertionSubject(db, {
      taskId: assertion.task_id,
      agentRuntimeId: assertion.agent_runtime_id,
      now,
    });
    const isSigned = verifyAgentAssertion(assertion, subject?.publicKey ?? this.#nobodysKey, clock.nowSeconds());
    if (!subject) return { ok: false, reason: 'unknown_task' };
    if (subject.refusal) return { ok: false, reason: subject.refusal };
    if (!isSigned) return { ok: false, reason: 'bad_signature_or_timestamp' };
    if (now.getTime() - subject.lastUsedAt.getTime() > this.#touchIntervalMs()) this.#touch(assertion.task_id, now);
    return { ok: true, userId: subject.userId, workspaceId: subject.workspaceId };
  }

  /** Forgets tasks that have ended. @returns how many, at most `maxRows` */
  deleteExpired(maxRows: number): Promise<number> {
    const { db, clock } = this.#deps;
    return deleteExpiredAgentTasks(db, { now: clock.now(), limit: maxRows });
  }

  #touchIntervalMs(): number {
    return Math.min(TOUCH_INTERVAL_MS, this.#deps.taskLifetimeSeconds * 100);
  }

  // Not waited for: the answer does not depend on it, and the next use tries again.
  #touch(taskId: string, now: Date): void {
    const { db, log, taskLifetimeSeconds } = this.#deps;
    const expiresAt = new Date(now.getTime() + taskLifetimeSeconds * 1000);
    touchAgentTask(db, { taskId, now, expiresAt }).catch((error: unknown) => {
      log.warn({ err: error }, 'the use of an agent task could not be noted');
    });
  }
}
