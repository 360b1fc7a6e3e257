import { printable } from '@codex-gateways/token-source';
import type { CliContext } from '../cli-context.ts';
import { CliError } from '../cli-error.ts';
import { ExitCode } from '../exit-code.ts';
import { table } from '../output.ts';
import { type User, userSchema, usersPageSchema } from './wire.ts';

const PATH = '/api/admin/users';
const PAGE_SIZE = '200';

/** Every user of the installation, for administrators. */
export async function listUsers(context: CliContext): Promise<void> {
  const users: User[] = [];
  for await (const user of allUsers(context)) users.push(user);
  const rows = users.map((user) => [
    user.email,
    user.disabled_at ? 'disabled' : user.role,
    user.id,
    user.last_seen_at ?? 'never seen',
  ]);
  context.out.result(users, table(['EMAIL', 'ROLE', 'ID', 'LAST SEEN'], rows, 'There are no users.'));
}

/** Makes an account. Only its one-time password goes to standard output. */
export async function addUser(
  { api, out }: CliContext,
  email: string,
  options: { name?: string; admin?: boolean },
): Promise<void> {
  const body = {
    email,
    ...(options.name === undefined ? {} : { display_name: options.name }),
    ...(options.admin ? { role: 'admin' } : {}),
  };
  const user = await api.call(PATH, userSchema, { method: 'POST', body });
  showPassword(out, user, `${printable(user.email)} (${printable(user.id)}) is added as ${printable(user.role)}.`);
}

/** What may be changed of a user. */
export type UserChange = { disabled: boolean } | { role: string } | { reset_password: true };

/** @param who - id or email address */
export async function changeUser(context: CliContext, who: string, change: UserChange): Promise<void> {
  const { api, out } = context;
  const { id } = await findUser(context, who);
  const path = `${PATH}/${encodeURIComponent(id)}`;
  const user = await api.call(path, userSchema, { method: 'PATCH', body: change });
  const state = user.disabled_at
    ? 'disabled: every session and token of theirs has ended'
    : `enabled, ${printable(user.role)}`;
  showPassword(out, user, `${printable(user.email)} is ${state}.`);
}

function showPassword(out: CliContext['out'], user: User, text: string): void {
  if (user.one_time_password === undefined) {
    out.result(user, text);
    return;
  }
  out.note(`${text} The password below is shown only this once, and has to be changed at the first sign-in.`);
  out.result(user, user.one_time_password);
}

/** @throws {CliError} `not_found` */
export async function findUser(context: CliContext, who: string): Promise<User> {
  const wanted = who.toLowerCase();
  for await (const user of allUsers(context)) {
    if (user.id === who || user.email.toLowerCase() === wanted) return user;
  }
  throw new CliError(ExitCode.failure, 'not_found', `there is no user ${printable(who)}`);
}

async function* allUsers({ api }: CliContext): AsyncGenerator<User> {
  let cursor: string | undefined;
  do {
    const page = await api.call(PATH, usersPageSchema, { query: { limit: PAGE_SIZE, cursor } });
    yield* page.users;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}
