const ORIGIN = /^https?:\/\/[^/?#]*/i;

/**
 * What a request asks for: the path, and what stands behind the first question mark. A whole URL is as good as its path (RFC 6455 §4.2.1,
 * RFC 9112 §3.2.2).
 */
export function splitTarget(url: string): { readonly path: string; readonly query: string } {
  const target = url.replace(ORIGIN, '');
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  return { path: path === '' ? '/' : path, query: mark === -1 ? '' : target.slice(mark + 1) };
}
