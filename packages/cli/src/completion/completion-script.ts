import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What may follow each chain of commands, such as `connector add`. */
interface Level {
  readonly chain: string;
  readonly commands: readonly { name: string; description: string }[];
  readonly options: readonly { flag: string; description: string }[];
}

/** A script for the shell's own completion, made from the program's commands. */
export function completionScript(program: Command, shell: Shell): string {
  const levels = levelsOf(program, []);
  return { bash, zsh, fish }[shell](levels);
}

function levelsOf(command: Command, chain: readonly string[]): Level[] {
  const help = command.createHelp();
  const children = help.visibleCommands(command);
  const choices = command.registeredArguments.flatMap(({ argChoices = [], description }) =>
    argChoices.map((name) => ({ name, description })),
  );
  const own: Level = {
    chain: chain.join(' '),
    commands: [...children.map((child) => ({ name: child.name(), description: child.description() })), ...choices],
    options: [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)].map(({ long, description }) => ({
      flag: String(long),
      description,
    })),
  };
  const below = children.filter((child) => child.name() !== 'help');
  return [own, ...below.flatMap((child) => levelsOf(child, [...chain, child.name()]))];
}

function wordsOf({ commands, options }: Level): string {
  return [...commands.map(({ name }) => name), ...options.map(({ flag }) => flag)].join(' ');
}

/** Follows the words so far down the commands; a word that is no command ends the chain, as an argument does. */
function bash(levels: readonly Level[]): string {
  const cases = levels.map((level) => `    '${level.chain}') words='${wordsOf(level)}' ;;`);
  const chains = levels.slice(1).map(({ chain }) => `'${chain}'`);
  return `# codex-gateways completion for bash: eval "$(codex-gateways completion bash)"
_codex_gateways() {
  local current="\${COMP_WORDS[COMP_CWORD]}" chain='' next word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    next="\${chain:+$chain }$word"
    case "$next" in
      ${chains.join(' | ')}) chain="$next" ;;
    esac
  done
  case "$chain" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _codex_gateways codex-gateways`;
}

function zsh(levels: readonly Level[]): string {
  const cases = levels.map((level) => `    '${level.chain}') entries=(${entriesOf(level).join(' ')}) ;;`);
  const chains = levels.slice(1).map(({ chain }) => `'${chain}'`);
  return `#compdef codex-gateways
# codex-gateways completion for zsh: eval "$(codex-gateways completion zsh)"
_codex_gateways() {
  local chain='' next word
  local -a entries
  for word in "\${(@)words[2,CURRENT-1]}"; do
    next="\${chain:+$chain }$word"
    case "$next" in
      (${chains.join('|')}) chain="$next" ;;
    esac
  done
  case "$chain" in
${cases.map((line) => line.replace(/^( *)'/, "$1('")).join('\n')}
  esac
  _describe 'codex-gateways' entries
}
compdef _codex_gateways codex-gateways`;
}

function entriesOf({ commands, options }: Level): string[] {
  const entry = (word: string, description: string) => quote(`${word}:${description.replaceAll(':', '\\:')}`);
  return [
    ...commands.map(({ name, description }) => entry(name, description)),
    ...options.map(({ flag, description }) => entry(flag, description)),
  ];
}

function fish(levels: readonly Level[]): string {
  const lines = levels.flatMap(({ chain, commands, options }) => {
    const condition = `-n ${quote(`__codex_gateways_at ${chain === '' ? "''" : `'${chain}'`}`)}`;
    return [
      ...commands.map(({ name, description }) => `${condition} -a ${quote(name)} -d ${quote(description)}`),
      ...options.map(({ flag, description }) => `${condition} -l ${quote(flag.slice(2))} -d ${quote(description)}`),
    ];
  });
  return `# codex-gateways completion for fish: codex-gateways completion fish | source
function __codex_gateways_at
  set -l chain ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim "$chain $word")
    if contains -- "$next" ${levels
      .slice(1)
      .map(({ chain }) => quote(chain))
      .join(' ')}
      set chain "$next"
    end
  end
  test "$chain" = "$argv[1]"
end
complete -c codex-gateways -f
${lines.map((line) => `complete -c codex-gateways ${line}`).join('\n')}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
