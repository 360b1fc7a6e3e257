import { createLogger } from './logger.ts';
import { isSecretRefusal, OwnSecret } from './own-secret.ts';

const REFUSAL = { error: 'unauthorized' };

function listening() {
  const lines: string[] = [];
  const clock = { nowMs: 0 };
  const log = createLogger({ service: 'test', level: 'info' }, { write: (line) => void lines.push(line) });
  const words = { variable: 'THE_SECRET', consequence: 'nobody is let in' };
  return { secret: new OwnSecret({ ...words, log, nowMs: () => clock.nowMs }), lines, clock };
}

describe('a secret of a service that another one refuses', () => {
  it('is told of in the log, once a minute however often it is refused', () => {
    const { secret, lines, clock } = listening();
    for (const nowMs of [0, 1, 59_999]) {
      clock.nowMs = nowMs;
      secret.unauthorized(REFUSAL);
    }
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({
        level: 'error',
        variable: 'THE_SECRET',
        msg: 'codex-auth refuses the secret of this service, so nobody is let in',
      }),
    ]);
    clock.nowMs = 60_000;
    secret.unauthorized(REFUSAL);
    expect(lines).toHaveLength(2);
  });

  it.each<[string, (secret: OwnSecret) => void]>([
    ['it is taken', (secret) => secret.taken()],
    ['a refusal speaks of a bearer', (secret) => secret.unauthorized({ error: 'invalid_token' })],
  ])('counts as refused until %s', (_what, later) => {
    const { secret } = listening();
    expect(secret.isRefused).toBe(false);
    secret.unauthorized(REFUSAL);
    expect(secret.isRefused).toBe(true);
    later(secret);
    expect(secret.isRefused).toBe(false);
  });

  it('is not blamed for a refusal in other words, and nothing is logged then', () => {
    const { secret, lines } = listening();
    for (const body of [undefined, null, 'unauthorized', ['unauthorized'], { error: 'invalid_token' }, { error: {} }]) {
      secret.unauthorized(body);
      expect([body, isSecretRefusal(body), secret.isRefused]).toEqual([body, false, false]);
    }
    expect(lines).toEqual([]);
  });

  it('is recognised in both forms of an error', () => {
    expect(isSecretRefusal(REFUSAL)).toBe(true);
    expect(isSecretRefusal({ error: { code: 'unauthorized', message: 'this call needs a secret' } })).toBe(true);
  });
});
