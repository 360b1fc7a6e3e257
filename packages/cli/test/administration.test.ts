import type { LocalStack } from '@codex-gateways/local-stack';
import { useBrowser, useCleanup } from '@codex-gateways/testing';
import { Machine } from './program.ts';
import { signIn } from './sign-in.ts';
import { startStack } from './use-stack.ts';

interface User {
  readonly id: string;
  readonly email: string;
  readonly role: string;
  readonly disabled_at: string | null;
}

describe('what an administrator manages, with the real codex-auth', () => {
  const cleanup = useCleanup();
  const browser = useBrowser();
  let stack: LocalStack;
  let machine: Machine;

  beforeAll(async () => {
    stack = await startStack(cleanup);
    machine = new Machine(cleanup);
    await signIn(machine, { stack, page: await browser.newPage(), options: ['--secrets', 'file'] });
  });

  const users = () => machine.json<User[]>(['users', 'list']);
  const userOf = async (email: string) => (await users()).find((user) => user.email === email);

  it('accounts are added with a one-time password, which is all that standard output gets', async () => {
    const { code, stdout, stderr } = await machine.run(['users', 'add', 'ann@example.com', '--name', 'Ann']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^\S{12,}\n$/) });
    expect(stderr).toMatch(/^ann@example\.com \(\S+\) is added as member\./);
    expect(await userOf('ann@example.com')).toMatchObject({ role: 'member', disabled_at: null });
    expect((await machine.run(['users', 'list'])).stdout).toMatch(/^EMAIL .*\n[\s\S]*ann@example\.com +member/);
  });

  it('accounts are promoted, disabled, enabled and reset, by address or id', async () => {
    const { id = '' } = (await userOf('ann@example.com')) ?? {};
    await machine.json(['users', 'set-role', 'Ann@Example.com', 'admin']);
    expect(await userOf('ann@example.com')).toMatchObject({ role: 'admin' });
    expect((await machine.run(['users', 'disable', id])).stdout).toContain('ann@example.com is disabled');
    expect((await userOf('ann@example.com'))?.disabled_at).toEqual(expect.any(String));
    expect((await machine.run(['users', 'enable', id])).stdout).toContain('ann@example.com is enabled, admin');
    expect((await machine.run(['users', 'reset-password', id])).stdout).toMatch(/^\S{12,}\n$/);
  });

  it('an account that does not exist, or exists already, is an error in words', async () => {
    const unknown = await machine.run(['users', 'disable', 'nobody@example.com']);
    expect(unknown).toMatchObject({ code: 1, stderr: 'codex-gateways: there is no user nobody@example.com\n' });
    const twice = await machine.run(['users', 'add', 'ann@example.com']);
    expect({ code: twice.code, stderr: twice.stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^codex-gateways: .+ \(request \S+\)\n$/),
    });
  });

  it('a workspace whose only owner is disabled gets another one', async () => {
    interface Workspace {
      readonly id: string;
      readonly owners: readonly string[];
    }
    await machine.run(['users', 'add', 'leaver@example.com']);
    const before = await machine.json<Workspace[]>(['workspaces', 'list']);
    const { id = '' } = before.find(({ owners }) => owners.includes('leaver@example.com')) ?? {};
    expect(await machine.json(['workspaces', 'list', '--without-owner'])).toEqual([]);
    await machine.run(['users', 'disable', 'leaver@example.com']);
    const shown = (await machine.run(['workspaces', 'list', '--without-owner'])).stdout;
    expect(shown).toMatch(/^NAME +ID +MEMBERS +OWNERS\n/);
    expect(shown).toMatch(new RegExp(`${id} +0 +nobody\n$`));
    const set = await machine.run(['workspaces', 'set-owner', id, 'Ann@example.com']);
    expect(set).toMatchObject({ code: 0, stdout: `ann@example.com owns workspace ${id}.\n` });
    expect(await machine.json(['workspaces', 'list', '--without-owner'])).toEqual([]);
    const unknown = await machine.run(['workspaces', 'set-owner', 'ws_unknown', 'ann@example.com']);
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no such workspace') });
  });

  it('keys are listed, rotated, and withdrawn only when that is meant', async () => {
    const list = () => machine.json<{ kid: string; status: string }[]>(['keys', 'list']);
    const [first] = await list();
    expect(first).toMatchObject({ status: 'active' });
    expect((await machine.run(['keys', 'rotate', '--immediate'])).stdout).toMatch(/^Key \S+ is active/);
    expect((await list()).map(({ status }) => status).sort()).toEqual(['active', 'retired']);
    const withdraw = ['keys', 'withdraw', String(first?.kid)];
    expect(await machine.run(withdraw)).toMatchObject({ code: 2, stderr: expect.stringContaining('add --yes') });
    expect(await list()).toHaveLength(2);
    expect(await machine.run([...withdraw, '--yes'])).toMatchObject({ code: 0 });
    // The token that signed this person in was of that key: the program fetches another one by itself.
    expect((await list()).map(({ kid }) => kid)).not.toContain(first?.kid);
  });
});
