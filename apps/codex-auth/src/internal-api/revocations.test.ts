import { waitFor } from '@codex-gateways/testing';
import { INTERNAL_SECRET } from '../../test/use-auth-service.ts';
import { startReplica } from '../../test/use-replica.ts';
import { useWorld } from '../../test/use-world.ts';

/** What came over a stream of notices so far, and whether it has ended. */
class NoticeReader {
  text = '';
  hasEnded = false;
  readonly #abort = new AbortController();

  static async open(url: string): Promise<NoticeReader> {
    const reader = new NoticeReader();
    const answer = await fetch(`${url}/internal/codex-auth/revocations`, {
      headers: { accept: 'text/event-stream', 'x-internal-secret': INTERNAL_SECRET },
      signal: reader.#abort.signal,
    });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
    void reader.#read(answer.body as unknown as AsyncIterable<Uint8Array>);
    await waitFor(() => reader.text.includes('event: ready\n'), {
      timeoutMs: 60_000,
      describe: () => `the stream to begin: ${reader.text}`,
    });
    return reader;
  }

  /** The notices of a user, in order. */
  noticesOf(userId: string): unknown[] {
    const events = this.text.split('\n\n').map((event) => /^event: revoked\ndata: (.*)$/.exec(event)?.[1]);
    return events.flatMap((data) => (data ? [JSON.parse(data)] : [])).filter(({ user_id }) => user_id === userId);
  }

  async wait(userId: string, count = 1): Promise<unknown[]> {
    await waitFor(() => this.noticesOf(userId).length >= count, {
      timeoutMs: 60_000,
      describe: () => `notice ${count} of ${userId}: ${this.text}`,
    });
    return this.noticesOf(userId);
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(body: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of body) this.text += Buffer.from(chunk).toString('utf8');
    } catch {
      // closed here
    }
    this.hasEnded = true;
  }
}

describe('GET /internal/codex-auth/revocations', () => {
  const world = useWorld({ CODEX_AUTH_BCRYPT_COST: '4' });
  let reader: NoticeReader;

  beforeAll(async () => {
    reader = await NoticeReader.open(world.auth.url);
  });
  afterAll(() => reader.close());

  async function memberWithToken() {
    const person = await world.addPerson();
    const workspaceId = await world.addWorkspace([{ person, role: 'owner' }]);
    const minted = await world.call(person, 'POST', '/api/codex/tokens', { workspace_id: workspaceId, name: 'n' });
    return { person, workspaceId, tokenId: minted.body.id as string, token: minted.body.token as string };
  }

  it('tells at once when a remote token is revoked: whose, where and which, and nothing that opens a door', async () => {
    const { person, workspaceId, tokenId, token } = await memberWithToken();
    await world.call(person, 'DELETE', `/api/codex/tokens/${tokenId}`);
    expect(await reader.wait(person.id)).toEqual([
      { user_id: person.id, workspace_id: workspaceId, remote_token_id: tokenId },
    ]);
    expect(reader.text).not.toContain(token);
    expect(reader.text).not.toContain(token.slice(-43));
    await world.call(person, 'DELETE', `/api/codex/tokens/${tokenId}`);
    const other = await memberWithToken();
    await world.leave(other.workspaceId, other.person);
    await reader.wait(other.person.id);
    expect(reader.noticesOf(person.id)).toHaveLength(1);
  });

  it('tells of a member who was removed and of a user who was disabled, also when somebody did it by hand', async () => {
    const [member, disabled] = [await memberWithToken(), await memberWithToken()];
    await world.leave(member.workspaceId, member.person);
    await world.disable(disabled.person);
    expect(await reader.wait(member.person.id)).toEqual([
      { user_id: member.person.id, workspace_id: member.workspaceId },
    ]);
    expect(await reader.wait(disabled.person.id)).toEqual([{ user_id: disabled.person.id }]);
  });

  it('tells of all that ends with a workspace', async () => {
    const { person, workspaceId, tokenId } = await memberWithToken();
    await world.db.query('delete from codex_auth.workspaces where id = $1', [workspaceId]);
    const whose = { user_id: person.id, workspace_id: workspaceId };
    expect(await reader.wait(person.id, 2)).toEqual(
      expect.arrayContaining([whose, { ...whose, remote_token_id: tokenId }]),
    );
  });

  it('does not tell what is rolled back, nor that somebody may come in again', async () => {
    const { person } = await memberWithToken();
    const client = await world.db.connect();
    await client.query('begin');
    await client.query('update codex_auth.users set disabled_at = now() where id = $1', [person.id]);
    await client.query('rollback');
    client.release();
    await world.disable(person);
    await world.db.query('update codex_auth.users set disabled_at = null where id = $1', [person.id]);
    await world.disable(person);
    expect(await reader.wait(person.id, 2)).toHaveLength(2);
  });

  it('tells on every replica, and ends with the replica, which it does not hold up', async () => {
    // Longer than this test may take: a reader that held the drain up would end it.
    const replica = await startReplica(world.auth, { CODEX_AUTH_DRAIN_TIMEOUT: '5m' });
    const elsewhere = await NoticeReader.open(replica.url);
    const { person } = await memberWithToken();
    await world.disable(person);
    expect(await elsewhere.wait(person.id)).toHaveLength(1);
    await replica.drain();
    await replica.close();
    await waitFor(() => elsewhere.hasEnded, { timeoutMs: 60_000, describe: 'the end of the stream' });
  });

  it('says that notices may have been missed, after the database was away', async () => {
    const before = reader.text.length;
    await world.db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'listener' and datname = current_database()`,
    );
    await waitFor(() => reader.text.slice(before).includes('event: missed'), {
      timeoutMs: 60_000,
      describe: () => `the word of it: ${reader.text}`,
    });
  });

  it('is for those with the secret, and for readers of streams', async () => {
    const path = '/internal/codex-auth/revocations';
    const accept = { accept: 'text/event-stream' };
    expect((await world.send('GET', path, undefined, accept)).status).toBe(401);
    const withSecret = { 'x-internal-secret': INTERNAL_SECRET };
    expect((await world.send('GET', path, undefined, withSecret)).status).toBe(406);
    expect((await world.send('HEAD', path, undefined, { ...withSecret, ...accept })).status).toBe(200);
  });
});
