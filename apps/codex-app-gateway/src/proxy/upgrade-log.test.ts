import { connectWebSocket, UpgradeRefusedError, useCleanup, waitFor } from '@codex-gateways/testing';
import { PATIENCE_MS } from '../../test/patience.ts';
import { createWorld, type World, wsUrl } from '../../test/world.ts';
import { startWsBackend } from '../../test/ws-backend.ts';
import type { AppGateway } from '../index.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const traceparent = `00-${TRACE_ID}-b7ad6b7169203331-00`;

describe('the ids of an upgrade', () => {
  const cleanup = useCleanup();
  let world: World;
  let gateway: AppGateway;

  beforeAll(async () => {
    const backend = await startWsBackend(cleanup);
    world = await createWorld(cleanup);
    gateway = await world.start({ CXG_APP_SERVER_URL: backend.url });
  });

  const linesOf = (requestId: string) =>
    world.logLines
      .map((line): Record<string, unknown> => JSON.parse(line))
      .filter(({ request_id }) => request_id === requestId);
  const line = (requestId: string, message: string) =>
    waitFor(() => linesOf(requestId).find(({ msg }) => msg === message), { timeoutMs: PATIENCE_MS, describe: message });

  it('are in the lines of a connection, one when it begins and one when it ends, and reach the verifier', async () => {
    const headers = (id: number) => ({ 'x-request-id': `connect-${id}`, traceparent });
    const connect = (id: number) =>
      connectWebSocket({ url: wsUrl(gateway), bearer: `ast_ws-${id}`, headers: headers(id) });
    const sockets = await Promise.all([1, 2, 3].map(connect));
    for (const id of [1, 2, 3]) {
      const ids = { trace_id: TRACE_ID, workspace_id: `ws-${id}`, user_id: `user-of-ws-${id}` };
      expect(await line(`connect-${id}`, 'upgrade')).toMatchObject({ ...ids, path: '/', status: 101 });
      const asked = world.agentserver.requests.find((request) => request.headers['x-request-id'] === `connect-${id}`);
      expect(asked).toMatchObject({ headers: { traceparent }, body: { token: `ast_ws-${id}` } });
      sockets[id - 1]?.close(1000);
      expect(await line(`connect-${id}`, 'client disconnected')).toMatchObject({ ...ids, code: 1000 });
      expect(linesOf(`connect-${id}`)).toHaveLength(2);
    }
  });

  it('are in the lines of one that is refused', async () => {
    const headers = { 'x-request-id': 'refused-1', authorization: 'Bearer forged' };
    await expect(connectWebSocket({ url: wsUrl(gateway), headers })).rejects.toThrow(UpgradeRefusedError);
    expect(await line('refused-1', 'upgrade')).toMatchObject({ status: 401 });
    expect(linesOf('refused-1').map(({ msg }) => msg)).toEqual(['token refused', 'upgrade refused', 'upgrade']);
  });

  it('reach the services that are asked before an app-server is started', async () => {
    const own = await world.start();
    world.execGateway.answer = () => ({ status: 500, body: {} });
    const headers = { 'x-request-id': 'start-1', traceparent };
    await expect(connectWebSocket({ url: wsUrl(own), bearer: 'ast_ws-1', headers })).rejects.toThrow(
      UpgradeRefusedError,
    );
    expect(world.execGateway.requests.filter((request) => request.headers['x-request-id'] === 'start-1')).toHaveLength(
      1,
    );
    expect(await line('start-1', 'a client could not be served')).toMatchObject({ trace_id: TRACE_ID });
  });
});
