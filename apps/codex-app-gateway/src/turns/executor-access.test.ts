import { waitFor } from '@codex-gateways/testing';
import { PATIENCE_MS } from '../../test/patience.ts';
import { ExecutorAccess } from './executor-access.ts';
import type { Turn } from './turns.ts';

describe('the access of an app-server to its executor', () => {
  function access(lifetimeSeconds: number) {
    const ended: string[] = [];
    const active = new Set<string>();
    let begun = 0;
    const begin = (): Turn => {
      begun += 1;
      const issuedAtSeconds = 1000;
      const turn = { turnId: `turn_${begun}`, issuedAtSeconds, expiresAtSeconds: issuedAtSeconds + lifetimeSeconds };
      return { ...turn, workspaceId: 'ws_1', exeId: 'exe_1' };
    };
    const turns = {
      begin: async () => begin(),
      mint: async (turn: Turn) => ({ token: `token of ${turn.turnId}`, turn }),
      end: ({ turnId }: { turnId: string }) => ended.push(turnId),
    };
    return { ended, active, subject: new ExecutorAccess({ turns, turn: begin(), activeTurnIds: () => active }) };
  }
  const granted = async (subject: ExecutorAccess) => {
    const grant = await subject.grant();
    if (!grant) throw new Error('there is no access');
    return grant;
  };
  const isEnded = (ended: string[]) =>
    waitFor(() => ended.length === 1, { timeoutMs: PATIENCE_MS, describe: 'the renewal' });

  it('is renewed before its token ends, when no turn runs: the next use gets another one', async () => {
    const { ended, subject } = access(0.3);
    expect(await subject.grant()).toMatchObject({ token: 'token of turn_1' });
    await isEnded(ended);
    expect(ended).toEqual(['turn_1']);
    expect(await subject.grant()).toMatchObject({ token: 'token of turn_2' });
    subject.end();
  });

  it('waits for a quiet moment to be renewed', async () => {
    const { ended, active, subject } = access(0.3);
    active.add('a');
    await subject.grant();
    const other = access(0.4);
    await other.subject.grant();
    await isEnded(other.ended); // renewal is due for both by now
    expect(ended).toEqual([]);
    active.delete('a');
    subject.quiet();
    expect(ended).toEqual(['turn_1']);
    subject.quiet();
    expect(ended).toEqual(['turn_1']);
  });

  it('has no token after a revocation, until somebody who was verified comes in', async () => {
    const { ended, subject } = access(600);
    const grant = await granted(subject);
    expect(grant).toMatchObject({ token: 'token of turn_1', turnId: 'turn_1' });
    expect(subject.revoked(grant)).toBe(false);
    expect(ended).toEqual(['turn_1']);
    expect(await subject.grant()).toBeUndefined();
    subject.quiet();
    expect(await subject.grant()).toBeUndefined();
    subject.admitted();
    expect(await subject.grant()).toMatchObject({ token: 'token of turn_2' });
    subject.end();
  });

  it('stays with who came in while the news of a revocation was on its way', async () => {
    const { ended, subject } = access(600);
    const grant = await granted(subject);
    subject.admitted();
    expect(subject.revoked(grant)).toBe(true);
    expect(ended).toEqual(['turn_1']);
    expect(await subject.grant()).toMatchObject({ token: 'token of turn_2' });
    subject.end();
    expect(subject.revoked(grant)).toBe(false);
  });

  it('is not ended by late news of a turn that was over before', async () => {
    const { ended, subject } = access(600);
    const [first, second] = [await granted(subject), await granted(subject)];
    subject.revoked(first);
    subject.admitted();
    const live = await granted(subject);
    expect(subject.revoked(second)).toBe(true);
    expect(ended).toEqual(['turn_1']);
    expect(await subject.grant()).toMatchObject({ turnId: live.turnId });
    subject.end();
  });

  it('has no token after its end', async () => {
    const { ended, subject } = access(600);
    subject.end();
    subject.end();
    expect(await subject.grant()).toBeUndefined();
    expect(ended).toEqual(['turn_1']);
  });
});
