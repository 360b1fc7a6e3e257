import type { RequestHandler } from 'express';

/** A dependency that must answer before a service may take traffic: rejects when it does not. */
export type ReadinessCheck = () => Promise<void>;

/** A check's own word for what is wrong, told on `/readyz`, which is open to whoever reaches the port. */
export class NotReadyError extends Error {
  override readonly name = 'NotReadyError';
  constructor(
    readonly word: string,
    options?: ErrorOptions,
  ) {
    super(word, options);
  }
}

/** Whether the service takes new work. Draining is one way: it never ends. */
export interface Readiness {
  isDraining(): boolean;
  startDraining(): void;
  /** The dependencies that do not answer, by name; `draining` while the service shuts down. */
  missing(): Promise<Readonly<Record<string, string>>>;
}

export function createReadiness(checks: Readonly<Record<string, ReadinessCheck>>, timeoutMs = 2000): Readiness {
  let draining = false;
  let asking: Promise<Readonly<Record<string, string>>> | undefined;
  const ask = async () => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => [name, await outcomeOf(check, timeoutMs)] as const),
    );
    asking = undefined;
    return Object.fromEntries(results.filter(([, outcome]) => outcome !== 'ok'));
  };
  return {
    isDraining: () => draining,
    startDraining: () => {
      draining = true;
    },
    async missing() {
      if (draining) return { service: 'draining' };
      asking ??= ask(); // once for all who want to know meanwhile: anybody may ask, as often as they like
      return asking;
    },
  };
}

/** `GET /healthz`: the process is up. */
export function healthRoute(): RequestHandler {
  return (_req, res) => {
    res.set('Cache-Control', 'no-store').json({ status: 'ok' });
  };
}

/** `GET /readyz`: 200 when every dependency answers, else 503 with what is missing by name. */
export function readyRoute(readiness: Readiness): RequestHandler {
  return async (_req, res) => {
    const missing = await readiness.missing();
    const isReady = Object.keys(missing).length === 0;
    res
      .status(isReady ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json(isReady ? { status: 'ready' } : { status: 'not_ready', missing });
  };
}

// Only that a dependency is away is told, not how, unless the check has a word for it.
async function outcomeOf(check: ReadinessCheck, timeoutMs: number): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('timeout'), timeoutMs);
  });
  try {
    return await Promise.race([check().then(() => 'ok'), timeout]);
  } catch (error) {
    return error instanceof NotReadyError ? error.word : 'unreachable';
  } finally {
    clearTimeout(timer);
  }
}
