import { CircuitBreaker, CircuitOpenError } from './circuit-breaker.ts';

const DOWN = new Error('down');

/** A call whose end a test decides about. */
function pending() {
  let succeed = () => {};
  let fail = () => {};
  const promise = new Promise<string>((resolve, reject) => {
    succeed = () => resolve('yes');
    fail = () => reject(DOWN);
  });
  return { work: () => promise, succeed, fail };
}

describe('a circuit breaker', () => {
  let nowMs = 0;
  let breaker: CircuitBreaker;
  const fail = () => breaker.run(() => Promise.reject(DOWN)).catch((error: unknown) => error);
  const succeed = () => breaker.run(async () => 'yes').catch((error: unknown) => error);

  beforeEach(() => {
    nowMs = 1000;
    breaker = new CircuitBreaker({ failureThreshold: 3, backOffMs: 1000, maxBackOffMs: 4000, nowMs: () => nowMs });
  });

  async function open() {
    for (let failure = 0; failure < 3; failure += 1) expect(await fail()).toBe(DOWN);
  }

  it('lets calls through, and stays closed while failures are not in a row', async () => {
    for (let round = 0; round < 5; round += 1) {
      await fail();
      await fail();
      expect(await succeed()).toBe('yes');
    }
    expect(breaker.state).toBe('closed');
  });

  it('opens after so many failures in a row, and does not call then, but says when to try again', async () => {
    await open();
    expect(breaker.state).toBe('open');
    let calls = 0;
    const refused = await breaker.run(async () => (calls += 1)).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(CircuitOpenError);
    expect(refused).toMatchObject({ retryAfterSeconds: 1 });
    expect(calls).toBe(0);
  });

  it('lets one probe through after the back-off, and all after its success', async () => {
    await open();
    nowMs += 1000;
    const probe = pending();
    const probing = breaker.run(probe.work);
    expect(breaker.state).toBe('half_open');
    expect(await succeed()).toBeInstanceOf(CircuitOpenError);
    probe.succeed();
    expect(await probing).toBe('yes');
    expect(breaker.state).toBe('closed');
    expect(await succeed()).toBe('yes');
  });

  it('waits twice as long after each probe that fails, up to a limit, and briefly again after a success', async () => {
    await open();
    for (const waitMs of [1000, 2000, 4000, 4000]) {
      nowMs += waitMs - 1;
      expect(await fail()).toBeInstanceOf(CircuitOpenError);
      nowMs += 1;
      expect(await fail()).toBe(DOWN);
    }
    nowMs += 4000;
    expect(await succeed()).toBe('yes');
    await open();
    nowMs += 1000;
    expect(await succeed()).toBe('yes');
  });

  it('is not opened for longer by calls that began before it opened, and is closed by their success', async () => {
    const [early, earlier] = [pending(), pending()];
    const calls = [breaker.run(early.work), breaker.run(earlier.work)].map((call) => call.catch(() => undefined));
    await open();
    nowMs += 999;
    early.fail();
    await calls[0];
    nowMs += 1;
    expect(await fail()).toBe(DOWN); // the probe, in time
    earlier.succeed();
    await calls[1];
    expect(breaker.state).toBe('closed');
  });
});
