import type { Request } from 'express';

/**
 * Whether a browser that sends this request shows a page of ours. `Sec-Fetch-Site` decides where it exists (Fetch Metadata
 * §2.4), else `Origin`, which every browser sends with a write. A request with neither comes from a program, which has
 * no one else's cookies.
 * @param issuer - the public base; its origin is ours
 */
export function isSameOrigin(req: Pick<Request, 'headers'>, issuer: string): boolean {
  const site = req.headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin } = req.headers;
  return origin === undefined || origin === new URL(issuer).origin;
}
