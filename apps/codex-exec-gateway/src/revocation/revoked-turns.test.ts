import type { Queryable } from '@codex-gateways/database';
import { createPool } from '@codex-gateways/database';
import { createLogger } from '@codex-gateways/service';
import { MovableClock } from '../../test/support/movable-clock.ts';
import { RevokedTurns } from './revoked-turns.ts';
import { TurnGuard } from './turn-guard.ts';

describe('revoked turns, before the table was read', () => {
  it('vouches for no turn: what asks is answered 503', async () => {
    const clock = new MovableClock();
    const pool: Queryable & { end(): Promise<void> } = createPool({
      databaseUrl: 'postgres://nobody@127.0.0.1:1/none',
      applicationName: 'test',
    });
    const revokedTurns = new RevokedTurns({
      db: pool,
      clock,
      log: createLogger({ service: 'test', level: 'silent' }),
      refreshMs: 60_000,
      onRevoked: () => undefined,
    });
    const guard = new TurnGuard({ secret: 'a-secret-of-the-test', clock, revokedTurns });
    await expect(revokedTurns.load()).rejects.toThrow();
    expect(() => guard.isRevoked('turn-1')).toThrow(expect.objectContaining({ status: 503 }));
    await pool.end();
  });
});
