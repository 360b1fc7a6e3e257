/** Whether secrets may be sent to a URL: https, or http to this machine itself. */
export function isSecureUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || url.hash !== '') return false;
  return url.protocol === 'https:' || isLoopbackHttp(text);
}

/** Plain http to this machine: a developer's own provider. */
export function isLoopbackHttp(text: string): boolean {
  const { protocol, hostname } = new URL(text);
  return protocol === 'http:' && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
