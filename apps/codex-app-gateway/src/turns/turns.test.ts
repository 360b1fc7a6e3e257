import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInternalClient, createLogger } from '@codex-gateways/service';
import { createCodexHome, useCleanup, waitFor } from '@codex-gateways/testing';
import { capabilityToken } from '@codex-gateways/tokens';
import { PATIENCE_MS } from '../../test/patience.ts';
import { type StandInAnswer, startStandIn } from '../../test/stand-in.ts';
import { Revoker } from './revoker.ts';
import { TurnJournal } from './turn-journal.ts';
import { Turns } from './turns.ts';

const SECRET = 'capability secret';
const ACCEPTED: StandInAnswer = { status: 204 };
const log = createLogger({ service: 'test', level: 'silent' });

describe('turns', () => {
  const cleanup = useCleanup();
  let nowSeconds = 1_800_000_000;
  const clock = { now: () => new Date(nowSeconds * 1000), nowSeconds: () => nowSeconds };

  async function world(answer: () => StandInAnswer) {
    const [home, execGateway] = await Promise.all([createCodexHome(), startStandIn(answer)]);
    cleanup.after(() => home.remove());
    cleanup.after(() => execGateway.close());
    const journalPath = join(home.path, 'turns.json');
    const start = async () => {
      const client = createInternalClient({ baseUrl: execGateway.url, timeoutMs: PATIENCE_MS });
      const journal = new TurnJournal(journalPath);
      const revoker = new Revoker({ execGateway: client, journal, clock, log });
      const turns = new Turns({ execGateway: client, journal, revoker, clock, secret: SECRET, lifetimeSeconds: 600 });
      await turns.open();
      cleanup.after(() => turns.close(0));
      cleanup.after(() => client.close());
      return { turns, revoker };
    };
    const journaled = async () => JSON.parse(await readFile(journalPath, 'utf8')) as { turnId: string }[];
    return { execGateway, journalPath, start, journaled };
  }

  it('begin with a token for the workspace, the user and a turn of their own, and end with its lifetime', async () => {
    const { start } = await world(() => ACCEPTED);
    const { turns } = await start();
    const turn = await turns.begin({ workspaceId: 'ws_1', userId: 'user_1', exeId: 'exe_1' });
    const { token } = await turns.mint(turn);
    expect(capabilityToken.verify(token, SECRET, nowSeconds)).toEqual({
      ok: true,
      payload: {
        turn_id: turn.turnId,
        workspace_id: 'ws_1',
        user_id: 'user_1',
        iat: nowSeconds,
        exp: nowSeconds + 600,
      },
    });
    const other = await turns.begin({ workspaceId: 'ws_1', exeId: 'exe_1' });
    expect(other.turnId).not.toBe(turn.turnId);
    expect(capabilityToken.verify((await turns.mint(other)).token, SECRET, nowSeconds)).toMatchObject({
      payload: expect.not.objectContaining({ user_id: expect.anything() }),
    });
  });

  it('have fresh tokens, and are on the disk for as long as the latest one lives', async () => {
    const { start, journaled } = await world(() => ACCEPTED);
    const { turns } = await start();
    const turn = await turns.begin({ workspaceId: 'ws_1', exeId: 'exe_1' });
    nowSeconds += 500;
    const { token, turn: later } = await turns.mint(turn);
    expect(later).toMatchObject({ turnId: turn.turnId, expiresAtSeconds: turn.expiresAtSeconds + 500 });
    expect(capabilityToken.verify(token, SECRET, nowSeconds + 599)).toMatchObject({ ok: true });
    expect(await journaled()).toEqual([{ turnId: turn.turnId, expiresAtSeconds: later.expiresAtSeconds }]);
  });

  it('are not written again when a token lives no longer than what is on the disk', async () => {
    const { start, journalPath } = await world(() => ACCEPTED);
    const { turns } = await start();
    const turn = await turns.begin({ workspaceId: 'ws_1', exeId: 'exe_1' });
    const { ino } = await stat(journalPath); // each write makes another file
    await turns.mint(turn);
    expect((await stat(journalPath)).ino).toBe(ino);
    nowSeconds += 1;
    await turns.mint(turn);
    expect((await stat(journalPath)).ino).not.toBe(ino);
  });

  it('are on the disk from their beginning until they are revoked', async () => {
    const { execGateway, start, journaled } = await world(() => ACCEPTED);
    const { turns, revoker } = await start();
    const turn = await turns.begin({ workspaceId: 'ws_1', exeId: 'exe_1' });
    expect(await journaled()).toEqual([{ turnId: turn.turnId, expiresAtSeconds: turn.expiresAtSeconds }]);
    turns.end(turn);
    await waitFor(() => revoker.pendingCount === 0, { timeoutMs: PATIENCE_MS, describe: 'the revocation' });
    expect(await journaled()).toEqual([]);
    expect(execGateway.requests).toEqual([
      expect.objectContaining({
        method: 'POST',
        path: '/api/exec-gateway/revoke-turn',
        body: { turn_id: turn.turnId, exp: turn.expiresAtSeconds },
      }),
    ]);
  });

  it('are revoked again and again until the exec-gateway accepts it', async () => {
    const answers: StandInAnswer[] = [
      { status: 500, body: {} },
      (req) => req.socket.destroy(),
      { status: 401, body: {} },
    ];
    const { execGateway, start, journaled } = await world(() => answers.shift() ?? ACCEPTED);
    const { turns, revoker } = await start();
    turns.end(await turns.begin({ workspaceId: 'ws_1', exeId: 'exe_1' }));
    await waitFor(() => revoker.pendingCount === 0, { timeoutMs: PATIENCE_MS, describe: 'the revocation' });
    expect(execGateway.requests).toHaveLength(4);
    expect(await journaled()).toEqual([]);
  });

  it('that were open when the gateway was killed are revoked by the next one', async () => {
    const { execGateway, start, journaled } = await world(() => ACCEPTED);
    const { turns } = await start();
    const open = await Promise.all(['a', 'b', 'c'].map((exeId) => turns.begin({ workspaceId: 'ws_1', exeId })));
    expect(execGateway.requests).toEqual([]);
    const { revoker } = await start();
    await waitFor(() => revoker.pendingCount === 0, { timeoutMs: PATIENCE_MS, describe: 'the revocations' });
    const revoked = execGateway.requests.map(({ body }) => (body as { turn_id: string }).turn_id);
    expect(revoked.sort()).toEqual(open.map(({ turnId }) => turnId).sort());
    expect(await journaled()).toEqual([]);
  });

  it('that could not be revoked before the gateway ended stay on the disk', async () => {
    const { start, journaled } = await world(() => ({ status: 503, body: {} }));
    const { turns } = await start();
    const turn = await turns.begin({ workspaceId: 'ws_1', exeId: 'exe_1' });
    turns.end(turn);
    await turns.close(100);
    expect(await journaled()).toEqual([expect.objectContaining({ turnId: turn.turnId })]);
  });

  it('are let go when their token has expired, since nobody accepts it any more', async () => {
    const { execGateway, start, journaled } = await world(() => ({ status: 503, body: {} }));
    const { turns } = await start();
    await turns.begin({ workspaceId: 'ws_1', exeId: 'exe_1' });
    nowSeconds += 601;
    const { revoker } = await start();
    await waitFor(() => revoker.pendingCount === 0, { timeoutMs: PATIENCE_MS, describe: 'letting go' });
    expect(await journaled()).toEqual([]);
    expect(execGateway.requests).toEqual([]);
  });

  it('do not begin over a journal that cannot be read, which would forget what is in it', async () => {
    const { start, journalPath } = await world(() => ACCEPTED);
    await writeFile(journalPath, '[{"turn":1}]');
    await expect(start()).rejects.toThrow('is not a journal of turns');
    await writeFile(journalPath, '[{"turnId":"tur');
    await expect(start()).rejects.toThrow(SyntaxError);
  });

  it('do not begin when they cannot be written down', async () => {
    const { start, journalPath } = await world(() => ACCEPTED);
    const { turns } = await start();
    await mkdir(journalPath);
    await expect(turns.begin({ workspaceId: 'ws_1', exeId: 'exe_1' })).rejects.toThrow();
  });
});
