import { AppError } from '../core/errors.ts';

export const MAX_TOML_DEPTH = 64;

const STRINGS_AND_COMMENTS = /"""(?:[^\\]|\\[\s\S])*?"{3,5}|'''[\s\S]*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#[^\n]*/g;

/**
 * Looks at brackets and dotted keys only, in one pass, before a parser gets to nest (security.md T-25).
 * Text that is no TOML passes: the parser names the place better.
 * @throws INVALID_ARGUMENT CONFIG_TOO_DEEP
 */
export function checkTomlDepth(text: string, file: string): void {
  const bare = text.replace(STRINGS_AND_COMMENTS, (match) => '\n'.repeat(match.split('\n').length - 1));
  let depth = 0;
  let dots = 0;
  let line = 1;
  for (const char of bare) {
    if (char === '\n') line += 1;
    if (char === '[' || char === '{') depth += 1;
    else if (char === ']' || char === '}') depth = Math.max(0, depth - 1);
    if (char === '.') dots += 1;
    else if ('\n,=[{'.includes(char)) dots = 0;
    if (depth > MAX_TOML_DEPTH || dots >= MAX_TOML_DEPTH) {
      throw new AppError(
        'INVALID_ARGUMENT',
        'CONFIG_TOO_DEEP',
        `${file}:${line}: nested deeper than ${MAX_TOML_DEPTH}.`,
      );
    }
  }
}
