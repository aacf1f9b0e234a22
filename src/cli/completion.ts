export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What a manifest says of a command. */
export interface CommandInfo {
  /** "admin:grant" */
  readonly id: string;
  readonly description?: string | undefined;
  readonly hidden?: boolean | undefined;
  readonly flags: Readonly<
    Record<string, { readonly description?: string | undefined; readonly options?: readonly string[] | undefined }>
  >;
}

/** A word that may follow, and what it is. */
interface Word {
  readonly word: string;
  readonly help: string;
}

/** Words that may follow each beginning: "" for the commands, "admin" for its sub-commands, "admin grant" for its flags. */
type Words = ReadonlyMap<string, readonly Word[]>;

/** A completion script for `shell`; knows commands and flags, never asks a server. */
export function completionScript(shell: Shell, commands: readonly CommandInfo[]): string {
  return SCRIPTS[shell](wordsOf(commands.filter(({ hidden }) => hidden !== true)));
}

function wordsOf(commands: readonly CommandInfo[]): Words {
  const words = new Map<string, Word[]>();
  const add = (at: string, word: string, help: string) => {
    const list = words.get(at) ?? [];
    if (!list.some((known) => known.word === word)) list.push({ word, help });
    words.set(at, list);
  };
  for (const { id, description = '', flags } of [...commands].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const parts = id.split(':');
    parts.forEach((part, index) => {
      add(parts.slice(0, index).join(' '), part, index === parts.length - 1 ? firstLine(description) : '');
    });
    for (const [name, flag] of Object.entries(flags))
      add(parts.join(' '), `--${name}`, firstLine(flag.description ?? ''));
  }
  return words;
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/['"`$\\[\]:]/g, '');
}

const SCRIPTS: Readonly<Record<Shell, (words: Words) => string>> = {
  bash: (words) => `# bash completion for fedctl
_fedctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) break ;; esac
    case "\${path:+$path }$word" in
${[...words.keys()]
  .filter((key) => key !== '')
  .map((key) => `      "${key}") path="${key}" ;;`)
  .join('\n')}
      *) break ;;
    esac
  done
  case "$path" in
${[...words].map(([key, list]) => `    "${key}") COMPREPLY=($(compgen -W "${list.map(({ word }) => word).join(' ')}" -- "$current")) ;;`).join('\n')}
  esac
}
complete -o default -F _fedctl fedctl
`,
  zsh: (words) => `#compdef fedctl
_fedctl() {
  local path="" word
  local -a choices
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${path:+$path }$word" in
${[...words.keys()]
  .filter((key) => key !== '')
  .map((key) => `      "${key}") path="${key}" ;;`)
  .join('\n')}
      *) break ;;
    esac
  done
  case "$path" in
${[...words].map(([key, list]) => `    "${key}") choices=(${list.map(({ word, help }) => `'${word}:${help}'`).join(' ')}) ;;`).join('\n')}
  esac
  _describe 'fedctl' choices || _files
}
if [ "$funcstack[1]" = "_fedctl" ]; then _fedctl "$@"; else compdef _fedctl fedctl; fi
`,
  fish: (words) =>
    `# fish completion for fedctl
function __fedctl_at
  set -l words (commandline -opc)
  set -e words[1]
  set -l plain
  for word in $words
    string match -q -- '-*' $word; and break
    set -a plain $word
  end
  test "$plain[1..$argv[1]]" = "$argv[2]"
end
${[...words].flatMap(([key, list]) => list.map((word) => fishLine(key, word))).join('\n')}
`,
};

function fishLine(key: string, { word, help }: Word): string {
  const depth = key === '' ? 0 : key.split(' ').length;
  const at = depth === 0 ? 'test (count (commandline -opc)) -eq 1' : `__fedctl_at ${depth} "${key}"`;
  const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`;
  return `complete -c fedctl -n '${at}' ${what} -d '${help}'`;
}
