import type { Place, Word } from './completion.ts';

const list = (words: readonly Word[]) => words.map(({ word }) => word).join(' ');

/** Lines of a `case` that finds the longest command in the words typed so far. */
function placeCases(places: readonly Place[]): string {
  const known = places.map(({ at }) => at).filter((at) => at !== '');
  return known.map((at) => `      "${at}") place="${at}" ;;`).join('\n');
}

/** Lines of a `case` over "PLACE FLAG" that answer with the values of a flag. */
function valueCases(places: readonly Place[], answer: (values: string) => string): string {
  const lines = places.flatMap(({ at, flags }) =>
    flags
      .filter(({ wantsValue }) => wantsValue)
      .map(({ word, values }) => `    "${at} ${word}") ${answer(values.join(' '))}; return ;;`),
  );
  return lines.join('\n');
}

export function bashScript(places: readonly Place[]): string {
  const offer = (words: string) => `COMPREPLY=($(compgen -W "${words}" -- "$current"))`;
  return `# bash completion for fedctl
_fedctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" place="" word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${place:+$place }$word" in
${placeCases(places)}
      *) break ;;
    esac
  done
  case "$place $previous" in
${valueCases(places, (values) => (values === '' ? ':' : offer(values)))}
  esac
  case "$place:$current" in
${places.map(({ at, flags }) => `    "${at}":-*) ${offer(list(flags))} ;;`).join('\n')}
${places.map(({ at, words }) => `    "${at}":*) ${offer(list(words))} ;;`).join('\n')}
  esac
}
complete -o default -F _fedctl fedctl
`;
}

export function zshScript(places: readonly Place[]): string {
  const offer = (words: readonly Word[]) => `choices=(${words.map(({ word, help }) => `'${word}:${help}'`).join(' ')})`;
  return `#compdef fedctl
_fedctl() {
  local place="" word
  local -a choices
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${place:+$place }$word" in
${placeCases(places)}
      *) break ;;
    esac
  done
  case "$place \${words[CURRENT-1]}" in
${valueCases(places, (values) => (values === '' ? '_files' : `compadd -- ${values}`))}
  esac
  case "$place:\${words[CURRENT]}" in
${places.map(({ at, flags }) => `    "${at}":-*) ${offer(flags)} ;;`).join('\n')}
${places.map(({ at, words }) => `    "${at}":*) ${offer(words)} ;;`).join('\n')}
  esac
  if (( \${#choices} )); then _describe 'fedctl' choices; else _files; fi
}
if [ "$funcstack[1]" = "_fedctl" ]; then _fedctl "$@"; else compdef _fedctl fedctl; fi
`;
}

export function fishScript(places: readonly Place[]): string {
  return `# fish completion for fedctl
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
function __fedctl_just_at
  set -l words (commandline -opc)
  test "$words[2..-1]" = "$argv[1]"
end
${places.flatMap(fishLines).join('\n')}
`;
}

function fishLines({ at, words, flags }: Place): string[] {
  const here = at === '' ? 'test (count (commandline -opc)) -eq 1' : `__fedctl_just_at "${at}"`;
  const below = `__fedctl_at ${at.split(' ').length} "${at}"`;
  const line = (when: string, what: string, help: string) => `complete -c fedctl -n '${when}' ${what} -d '${help}'`;
  return [
    ...words.map(({ word, help }) => line(here, `-f -a ${word}`, help)),
    ...flags.map(({ word, help, wantsValue, values }) => {
      const value = values.length > 0 ? ` -x -a '${values.join(' ')}'` : wantsValue ? ' -r' : '';
      return line(below, `-l ${word.slice(2)}${value}`, help);
    }),
  ];
}
