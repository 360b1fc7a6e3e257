import { createInternalClient, ServiceUnavailableError } from '@codex-gateways/service';
import { useCleanup } from '@codex-gateways/testing';
import { type StandInAnswer, startStandIn } from '../../test/stand-in.ts';
import { boundExecutors } from './executor-directory.ts';

const LAPTOP = {
  exe_id: 'exe_1',
  name: 'laptop',
  description: 'mine',
  is_default: true,
  is_online: false,
  generation: null,
  connected_at: null,
};

describe('the executors of a workspace, from the exec-gateway', () => {
  const cleanup = useCleanup();

  async function directoryOf(answer: StandInAnswer) {
    const execGateway = await startStandIn(() => answer);
    const client = createInternalClient({ baseUrl: execGateway.url, headers: { authorization: 'Bearer shared' } });
    cleanup.after(() => execGateway.close());
    cleanup.after(() => client.close());
    return { execGateway, executors: boundExecutors(client, 'ws/1 &x=y') };
  }

  it('are asked for with the shared secret, offline ones too, the workspace id encoded', async () => {
    const { execGateway, executors } = await directoryOf({ status: 200, body: [LAPTOP] });
    expect(await executors).toEqual([{ exeId: 'exe_1', name: 'laptop', isDefault: true, isOnline: false }]);
    expect(execGateway.requests).toEqual([
      expect.objectContaining({
        method: 'GET',
        path: '/api/exec-gateway/connected?workspace_id=ws%2F1+%26x%3Dy&include_offline=true',
        headers: expect.objectContaining({ authorization: 'Bearer shared' }),
      }),
    ]);
  });

  it('count as online when the list does not say otherwise', async () => {
    const { is_online: _, ...connected } = LAPTOP;
    const { executors } = await directoryOf({ status: 200, body: { executors: [connected] } });
    expect(await executors).toEqual([expect.objectContaining({ isOnline: true })]);
  });

  it.each([
    ['401', { status: 401, body: { error: 'unauthorized' } }],
    ['500', { status: 500, body: {} }],
    ['an object', { status: 200, body: { exe_id: 'exe_1' } }],
    ['a list of something else', { status: 200, body: [{ id: 'exe_1' }] }],
    ['an executor without id', { status: 200, body: [{ ...LAPTOP, exe_id: '' }] }],
  ])('are unknown, not absent, when the answer is %s', async (_what, answer) => {
    const { executors } = await directoryOf(answer);
    await expect(executors).rejects.toThrow(ServiceUnavailableError);
  });
});
