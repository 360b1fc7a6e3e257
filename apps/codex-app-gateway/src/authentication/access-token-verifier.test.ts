import { createLogger, OwnSecret } from '@codex-gateways/service';
import { useCleanup } from '@codex-gateways/testing';
import { PATIENCE_MS } from '../../test/patience.ts';
import { type StandInAnswer, startStandIn } from '../../test/stand-in.ts';
import { createAccessTokenVerifier } from './access-token-verifier.ts';

describe('verification of access tokens', () => {
  const cleanup = useCleanup();

  it('tells who runs the gateway that its own secret is refused, until it is taken', async () => {
    let answer: StandInAnswer = { status: 401, body: { error: 'unauthorized' } };
    const agentserver = await startStandIn(() => answer);
    cleanup.after(() => agentserver.close());
    const lines: string[] = [];
    const log = createLogger({ service: 'test', level: 'info' }, { write: (line) => void lines.push(line) });
    const ownSecret = new OwnSecret({ log, nowMs: () => 0, variable: 'THE_SECRET', consequence: 'nobody is let in' });
    const verifier = createAccessTokenVerifier({
      ...{ agentserverUrl: agentserver.url, agentserverSecret: 'the internal secret', timeoutMs: PATIENCE_MS },
      ownSecret,
    });
    cleanup.after(() => verifier.close());

    expect(await verifier.isLive('a.b.c')).toBe(false);
    expect(await verifier.verify('a.b.c', 'ws-1')).toBeUndefined();
    expect(ownSecret.isRefused).toBe(true);
    expect(lines.map((line) => JSON.parse(line))).toEqual([expect.objectContaining({ level: 'error' })]);
    expect(lines.join('')).not.toMatch(/the internal secret|a\.b\.c/);
    answer = { status: 200, body: { user_id: 'user_1' } };
    expect(await verifier.isLive('a.b.c')).toBe(true);
    expect(ownSecret.isRefused).toBe(false);
  });
});
