import { generateEd25519Key } from '@codex-gateways/crypto';
import { mintAgentAssertion, parseAgentAssertion } from './agent-assertion.ts';

describe('the text of an agent assertion', () => {
  it('is read with the padding of base64, and with no more than that', () => {
    const about = { agentRuntimeId: 'exe_1', taskId: 'task_1', timestamp: '2026-11-22T10:00:00Z' };
    const text = mintAgentAssertion(about, generateEd25519Key().privatePkcs8);
    const padded = (padding: string) => parseAgentAssertion(text + padding)?.agent_runtime_id;
    expect(['', '=', '==', '===', '='.repeat(1000)].map(padded)).toEqual([
      'exe_1',
      'exe_1',
      'exe_1',
      undefined,
      undefined,
    ]);
  });
});
