import type { Authenticator, Caller } from '../authentication/authenticator.ts';
import { closing } from './close-forwarding.ts';
import type { ClientConnection } from './connection-registry.ts';

/**
 * Asks about a connection's token again and again, and closes the connection when it is no longer good for the same
 * workspace: a connection may be open for days. While nobody can be asked it stays.
 * @param intervalMs - on the average; each pause differs a little, so that connections made together are not asked about
 * together for ever
 */
export function keepVerified(
  connection: Pick<ClientConnection, 'close' | 'closed'>,
  {
    authenticator,
    token,
    caller,
    intervalMs,
  }: { authenticator: Pick<Authenticator, 'authenticate'>; token: string; caller: Caller; intervalMs: number },
): void {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const ask = async () => {
    const outcome = await authenticator.authenticate(token).catch(() => undefined);
    const isRefused = outcome?.kind === 'unauthorized';
    const hasMoved = outcome?.kind === 'authenticated' && outcome.caller.workspaceId !== caller.workspaceId;
    if (isRefused || hasMoved) connection.close(closing('unauthorized', 'the remote token is no longer valid'));
    else askLater();
  };
  const askLater = () => {
    if (isOver) return;
    timer = setTimeout(() => void ask(), intervalMs * (0.75 + Math.random() / 2)).unref();
  };
  askLater();
  void connection.closed.then(() => {
    isOver = true;
    clearTimeout(timer);
  });
}
