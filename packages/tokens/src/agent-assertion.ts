import { signEd25519, verifyEd25519 } from '@codex-gateways/crypto';
import { z } from 'zod';
import { decodeJson, encodeJson } from './jws.ts';

const assertionSchema = z.object({
  agent_runtime_id: z.string().min(1).max(128),
  task_id: z.string().min(1).max(256),
  timestamp: z.string().max(40),
  signature: z.string().max(128),
});

/** What follows `AgentAssertion ` in an executor's Authorization header, decoded; nothing in it is verified yet. */
export type AgentAssertion = z.infer<typeof assertionSchema>;

/** How far a signed timestamp may lie from our clock, either way. */
export const AGENT_TIMESTAMP_TOLERANCE_SECONDS = 300;

const MAX_ASSERTION_LENGTH = 2048;
const RFC3339_UTC = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|\+00:00)$/;

/** Takes an assertion apart: base64url JSON of four members. Undefined for anything else. */
export function parseAgentAssertion(text: string): AgentAssertion | undefined {
  if (text.length > MAX_ASSERTION_LENGTH) return undefined;
  const parsed = assertionSchema.safeParse(decodeJson(text.replace(/={1,2}$/, '')));
  return parsed.success ? parsed.data : undefined;
}

/**
 * Whether the assertion is this agent's and fresh: base64 Ed25519 over `agent_runtime_id:task_id:timestamp`.
 * @param publicKey - the agent's raw 32 bytes
 */
export function verifyAgentAssertion(assertion: AgentAssertion, publicKey: Uint8Array, nowSeconds: number): boolean {
  const { agent_runtime_id, task_id, timestamp, signature } = assertion;
  return (
    isFreshTimestamp(timestamp, nowSeconds) &&
    verifyEd25519(publicKey, `${agent_runtime_id}:${task_id}:${timestamp}`, Buffer.from(signature, 'base64'))
  );
}

/** Whether a task registration is this agent's and fresh: base64 Ed25519 over `agent_runtime_id:timestamp`. */
export function verifyTaskRegistration(
  { agentRuntimeId, timestamp, signature }: { agentRuntimeId: string; timestamp: string; signature: string },
  publicKey: Uint8Array,
  nowSeconds: number,
): boolean {
  return (
    isFreshTimestamp(timestamp, nowSeconds) &&
    verifyEd25519(publicKey, `${agentRuntimeId}:${timestamp}`, Buffer.from(signature, 'base64'))
  );
}

/** Signs as the CLI does; for tests and for checking a deployment from outside. */
export function mintAgentAssertion(
  { agentRuntimeId, taskId, timestamp }: { agentRuntimeId: string; taskId: string; timestamp: string },
  privatePkcs8: Uint8Array,
): string {
  const signature = signEd25519(privatePkcs8, `${agentRuntimeId}:${taskId}:${timestamp}`).toString('base64');
  return encodeJson({ agent_runtime_id: agentRuntimeId, task_id: taskId, timestamp, signature });
}

function isFreshTimestamp(timestamp: string, nowSeconds: number): boolean {
  if (!RFC3339_UTC.test(timestamp)) return false;
  const signedAtSeconds = Date.parse(timestamp) / 1000;
  return Math.abs(nowSeconds - signedAtSeconds) <= AGENT_TIMESTAMP_TOLERANCE_SECONDS;
}
