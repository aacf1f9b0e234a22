import { plainText } from '../../core/text.ts';

/** HTML that this folder wrote. Nothing else can make one, so nothing else gets into a page unescaped. */
export class Html {
  readonly #text: string;

  constructor(strings: readonly string[], parts: readonly Part[]) {
    this.#text = strings.reduce((text, next, index) => text + partText(parts[index - 1]) + next);
  }

  static textOf(part: Part): string | undefined {
    return typeof part === 'object' && #text in part ? part.#text : undefined;
  }

  toString(): string {
    return this.#text;
  }
}

/** What may stand in a template: text of anybody, which is escaped, or HTML of ours. */
export type Part = string | number | Html | readonly Html[] | undefined;

/**
 * HTML from a template: the one way into a page (security.md T-41). Whatever is put in stands as text, in an element or in a
 * quoted attribute; `undefined` is nothing. Attributes have to be quoted in the template.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings, parts);
}

/** Long enough for an authorization request. */
const MAX_TEXT = 8192;

function partText(part: Part): string {
  if (part === undefined) return '';
  if (Array.isArray(part)) return part.map((one: Html) => partText(one)).join('');
  return Html.textOf(part) ?? escapeText(String(part));
}

/** Direction marks and other invisible characters go too: they could make a page say something else than it does. */
function escapeText(text: string): string {
  return plainText(text, MAX_TEXT).replace(/[&<>"'`=]/g, (char) => `&#${char.charCodeAt(0)};`);
}
