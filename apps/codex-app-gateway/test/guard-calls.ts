import { createGuard, type Verdict } from '../src/guard/guard.ts';

/** The app-server's folder, as the guard below knows it. */
export const HOME = '/state/workspaces/ws_1/codex-home';
export const guard = createGuard({ codexHome: HOME, environmentIds: ['remote'], modelProvider: 'gateway' });

/** What the guard says of one message. */
export function inspect(message: unknown): Verdict {
  return guard.inspect(Buffer.from(JSON.stringify(message)));
}

/** What the guard says of one request. */
export function call(method: string, params?: unknown): Verdict {
  return inspect({ id: 1, method, params });
}

/** The JSON-RPC error that the client gets. */
export function errorOf(verdict: Verdict): { id: unknown; code: number; message: string } {
  if (verdict.kind !== 'answer') throw new Error(`the verdict was ${verdict.kind}`);
  const { id, error } = JSON.parse(verdict.text) as { id: unknown; error: { code: number; message: string } };
  return { id, ...error };
}
