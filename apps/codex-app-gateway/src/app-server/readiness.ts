import { request } from 'undici';
import { httpBaseOf } from './child-environment.ts';

/** Whether the app-server at a ws(s) address says that it is ready. Never rejects. */
export async function isReady(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    const { origin } = new URL(httpBaseOf(url));
    const { statusCode, body } = await request(`${origin}/readyz`, { signal });
    await body.dump();
    return statusCode === 200;
  } catch {
    return false;
  }
}
