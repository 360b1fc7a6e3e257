import type { Command } from 'commander';
import { listKeys, rotateKeys, withdrawKey } from './commands/keys.ts';
import { addUser, changeUser, listUsers } from './commands/users.ts';
import { listAllWorkspaces, setWorkspaceOwner } from './commands/workspaces.ts';
import type { RunCommand } from './program.ts';

/** What administrators of codex-auth do. */
export function addAdministrationCommands(program: Command, run: RunCommand): void {
  const keys = program.command('keys').description("manage codex-auth's signing keys, as an administrator");
  keys
    .command('list')
    .description('list the published keys')
    .action(() => run(listKeys));
  keys
    .command('rotate')
    .description('start a new key; it signs once clients have learned of it')
    .option('--immediate', 'sign with it at once')
    .action((options: { immediate?: boolean }) => run((context) => rotateKeys(context, options)));
  keys
    .command('withdraw')
    .description('end a compromised key, and everything that it has signed')
    .argument('<kid>', 'as "keys list" shows it')
    .option('--yes', 'this is meant')
    .action((kid: string, options: { yes?: boolean }) => run((context) => withdrawKey(context, kid, options)));
  addUserCommands(program.command('users').description('manage accounts, as an administrator'), run);
  addWorkspaceCommands(program.command('workspaces').description('see to workspaces, as an administrator'), run);
}

function addUserCommands(users: Command, run: RunCommand): void {
  const change = (name: string, description: string) =>
    users.command(name).description(description).argument('<user>', 'email address or id');
  users
    .command('list')
    .description('list the accounts')
    .action(() => run(listUsers));
  users
    .command('add')
    .description('make an account, and print its one-time password')
    .argument('<email>', 'what the person signs in with')
    .option('--name <name>', 'what others see')
    .option('--admin', 'as an administrator')
    .action((email: string, options: { name?: string; admin?: boolean }) =>
      run((context) => addUser(context, email, options)),
    );
  change('disable', 'end every session and token of an account, and let it sign in no more').action((who: string) =>
    run((context) => changeUser(context, who, { disabled: true })),
  );
  change('enable', 'let a disabled account sign in again').action((who: string) =>
    run((context) => changeUser(context, who, { disabled: false })),
  );
  change('reset-password', 'print a new one-time password').action((who: string) =>
    run((context) => changeUser(context, who, { reset_password: true })),
  );
  const setRole = change('set-role', 'make an account an administrator, or a member');
  setRole
    .addArgument(setRole.createArgument('<role>', 'the role').choices(['admin', 'member']))
    .action((who: string, role: string) => run((context) => changeUser(context, who, { role })));
}

function addWorkspaceCommands(workspaces: Command, run: RunCommand): void {
  workspaces
    .command('list')
    .description('list all workspaces with their owners')
    .option('--without-owner', 'only those that nobody is left to own')
    .action((options: { withoutOwner?: boolean }) => run((context) => listAllWorkspaces(context, options)));
  workspaces
    .command('set-owner')
    .description('make an account an owner of a workspace')
    .argument('<workspace>', 'id, as "workspaces list" shows it')
    .argument('<user>', 'email address or id')
    .action((workspace: string, user: string) => run((context) => setWorkspaceOwner(context, workspace, user)));
}
