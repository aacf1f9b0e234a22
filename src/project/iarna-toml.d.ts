/** The parser class of @iarna/toml, which has no types of its own; only what toml.ts overrides and calls. */
declare module '@iarna/toml/lib/toml-parser.js' {
  export default class TOMLParser {
    protected state: { readonly buf: string; readonly result?: unknown };
    parse(text: string): void;
    finish(): object;
    protected return(value?: unknown): unknown;
    protected recordAssignKeyword(key: string): unknown;
    protected parseTableMore(key: string): unknown;
    protected parseListMore(key: string): unknown;
    /** Adds `line` and `col`, both from 0. */
    protected error(error: Error): Error;
  }
}
