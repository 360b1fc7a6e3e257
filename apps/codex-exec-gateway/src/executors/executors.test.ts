import { INTERNAL_SECRET, useExecGateway } from '../../test/support/gateway.ts';

describe('executors: POST /api/codex-exec/register and DELETE …/executors/{exe_id}', () => {
  const gateway = useExecGateway();

  it('makes an executor for the user of X-User-Id', async () => {
    const { status, body } = await gateway.manage('POST', '/register', { display_name: '  build box  ' });
    expect(status).toBe(201);
    expect(body.exe_id).toMatch(/^exe_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    const { rows } = await gateway.pool.query(
      'select owner_user_id, display_name from codex_exec.executors where exe_id = $1',
      [body.exe_id],
    );
    expect(rows).toEqual([{ owner_user_id: 'user-owner', display_name: 'build box' }]);
  });

  it.each([
    ['no secret', { 'x-user-id': 'u' }, 401],
    ['a wrong secret', { 'x-internal-secret': 'wrong', 'x-user-id': 'u' }, 401],
    ['no user', { 'x-internal-secret': INTERNAL_SECRET }, 400],
    ['a user with a space', { 'x-internal-secret': INTERNAL_SECRET, 'x-user-id': 'a b' }, 400],
    ['a user of 129 characters', { 'x-internal-secret': INTERNAL_SECRET, 'x-user-id': 'u'.repeat(129) }, 400],
  ])('refuses %s', async (_what, headers, expected) => {
    const { status, body } = await gateway.call('POST', '/api/codex-exec/register', {
      headers: headers as Record<string, string>,
      body: { display_name: 'x' },
    });
    expect(status).toBe(expected);
    expect(body).toEqual({ error: { code: expect.any(String), message: expect.any(String) } });
  });

  it.each([
    ['no body', undefined],
    ['an empty name', { display_name: ' ' }],
    ['a name of 201 characters', { display_name: 'x'.repeat(201) }],
    ['a number for a name', { display_name: 7 }],
    ['a NUL in the name', { display_name: 'a\0b' }],
    ['half a surrogate pair', { display_name: '\ud800' }],
    ['text that is not JSON', '{"display_name":'],
    ['a list', '["x"]'],
  ])('answers 400 to %s', async (_what, body) => {
    expect((await gateway.manage('POST', '/register', body)).status).toBe(400);
  });

  it('answers 413 to a giant body', async () => {
    expect((await gateway.manage('POST', '/register', { display_name: 'x'.repeat(200_000) })).status).toBe(413);
  });

  it('deletes an executor, and again', async () => {
    const exeId = await gateway.executor();
    expect((await gateway.manage('DELETE', `/executors/${exeId}`)).status).toBe(204);
    expect((await gateway.manage('DELETE', `/executors/${exeId}`)).status).toBe(204);
    expect((await gateway.cloudRegister(exeId)).status).toBe(404);
  });

  it.each(['%00', 'a%20b', '..%2Fx', 'x'.repeat(400), '%F0%9F%92%A9', "'; drop table codex_exec.executors; --"])(
    'answers 204 to deleting the odd id %s',
    async (exeId) => {
      expect((await gateway.manage('DELETE', `/executors/${exeId}`)).status).toBe(204);
    },
  );

  it('answers 400 to an id that cannot be decoded', async () => {
    expect((await gateway.manage('DELETE', '/executors/%zz')).status).toBe(400);
  });

  it('closes the live connection of a deleted executor', async () => {
    const exeId = await gateway.bound();
    const { peer } = await gateway.online(exeId);
    await gateway.manage('DELETE', `/executors/${exeId}`);
    expect(await peer.waitForClose()).toEqual({ code: 4401, reason: 'the executor was deleted' });
    expect(await gateway.connected()).toEqual([]);
  });

  it('keeps an audit trail of creating and deleting', async () => {
    const exeId = await gateway.executor();
    await gateway.manage('DELETE', `/executors/${exeId}`);
    const { rows } = await gateway.pool.query(
      'select action, actor_user_id from codex_exec.audit_events where exe_id = $1 order by id',
      [exeId],
    );
    expect(rows).toEqual([
      { action: 'executor.created', actor_user_id: 'user-owner' },
      { action: 'executor.deleted', actor_user_id: 'user-owner' },
    ]);
  });
});
