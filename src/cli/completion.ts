import { bashScript, fishScript, zshScript } from './completion-scripts.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What a manifest says of a command. */
export interface CommandInfo {
  /** "admin:grant" */
  readonly id: string;
  readonly description?: string | undefined;
  readonly hidden?: boolean | undefined;
  readonly args?: Readonly<Record<string, { readonly options?: readonly string[] | undefined }>>;
  readonly flags: Readonly<
    Record<
      string,
      {
        readonly type?: string;
        readonly hidden?: boolean | undefined;
        readonly description?: string | undefined;
        readonly options?: readonly string[] | undefined;
      }
    >
  >;
}

/** A word that may follow, and what it is. */
export interface Word {
  readonly word: string;
  readonly help: string;
}

export interface FlagWord extends Word {
  /** It wants a value; `values` are the ones that it takes, none where it takes any. */
  readonly wantsValue: boolean;
  readonly values: readonly string[];
}

/** What may follow at one place: "" for the commands, "admin" for its sub-commands, "admin grant" for its arguments and flags. */
export interface Place {
  readonly at: string;
  readonly words: readonly Word[];
  readonly flags: readonly FlagWord[];
}

/** A completion script for `shell`; knows commands and flags, never asks a server. Where it knows nothing, files are offered. */
export function completionScript(shell: Shell, commands: readonly CommandInfo[]): string {
  return SCRIPTS[shell](placesOf(commands.filter(({ hidden }) => hidden !== true)));
}

const SCRIPTS: Readonly<Record<Shell, (places: readonly Place[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

function placesOf(commands: readonly CommandInfo[]): readonly Place[] {
  const words = new Map<string, Word[]>();
  const flags = new Map<string, FlagWord[]>();
  const add = (at: string, word: string, help: string) => {
    const list = words.get(at) ?? [];
    if (!list.some((known) => known.word === word)) list.push({ word, help });
    words.set(at, list);
  };
  for (const command of [...commands].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const parts = command.id.split(':');
    parts.forEach((part, index) => {
      add(
        parts.slice(0, index).join(' '),
        part,
        index === parts.length - 1 ? firstLine(command.description ?? '') : '',
      );
    });
    const at = parts.join(' ');
    const [first] = Object.values(command.args ?? {});
    for (const choice of first?.options ?? []) add(at, choice, '');
    flags.set(at, flagWords(command));
  }
  return [...new Set([...words.keys(), ...flags.keys()])].map((at) => ({
    at,
    words: words.get(at) ?? [],
    flags: flags.get(at) ?? [],
  }));
}

function flagWords({ flags }: CommandInfo): FlagWord[] {
  const shown = Object.entries(flags).filter(([, flag]) => flag.hidden !== true);
  return shown.map(([name, { description = '', type, options = [] }]) => ({
    word: `--${name}`,
    help: firstLine(description),
    wantsValue: type === 'option',
    values: options,
  }));
}

/** Without what a shell would take for its own. */
function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/['"`$\\[\]:]/g, '');
}
