import { createHash } from 'node:crypto';
import { Html } from './html.ts';

const SHEET = `
:root{color-scheme:light dark;--back:#f4f6f9;--card:#fff;--ink:#18202b;--soft:#515c6b;--edge:#c3cbd6;--main:#1a56b8;--on:#fff;--wrong:#a4211a;--fine:#17683a;--code:#eef3fb}
@media(prefers-color-scheme:dark){:root{--back:#12161c;--card:#1b212a;--ink:#e8edf4;--soft:#a8b3c3;--edge:#465264;--main:#86b4ff;--on:#0d1a30;--wrong:#ff9d94;--fine:#7fd6a2;--code:#232c3a}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;flex-direction:column;align-items:center;font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;background:var(--back);color:var(--ink)}
header{width:100%;max-width:34rem;padding:2rem 1.25rem .75rem;font-weight:600;color:var(--soft)}
header b{color:var(--ink)}
main{width:calc(100% - 1.5rem);max-width:34rem;padding:1.5rem 1.5rem 1.75rem;background:var(--card);border:1px solid var(--edge);border-radius:.75rem}
footer{width:100%;max-width:34rem;padding:1rem 1.25rem 2rem;font-size:.875rem;color:var(--soft)}
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25}
p{margin:.75rem 0}
a{color:var(--main)}
dl{margin:1rem 0;display:grid;grid-template-columns:auto 1fr;gap:.4rem 1rem}
dt{color:var(--soft)}
dd{margin:0;font-weight:600;overflow-wrap:anywhere}
.code{display:block;margin:1rem 0;padding:.6rem .5rem;border-radius:.5rem;background:var(--code);text-align:center;font:700 clamp(1.7rem,8vw,2.5rem)/1.3 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;letter-spacing:.08em}
label{display:block;margin:1rem 0 .35rem;font-weight:600}
input[type=text]{width:100%;padding:.6rem .75rem;border:1px solid var(--soft);border-radius:.5rem;background:var(--card);color:var(--ink);font:600 1.5rem/1.3 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;letter-spacing:.1em;text-transform:uppercase}
.buttons{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.25rem}
button{flex:1 1 10rem;min-height:2.75rem;padding:.6rem 1rem;border:1px solid var(--main);border-radius:.5rem;background:none;color:var(--main);font:inherit;font-weight:600;cursor:pointer}
button.yes{background:var(--main);color:var(--on)}
button:focus-visible,input:focus-visible,a:focus-visible{outline:3px solid var(--main);outline-offset:2px}
.care{margin:1.25rem 0 0;padding:.75rem 1rem;border-left:.25rem solid var(--main);background:var(--code);border-radius:0 .5rem .5rem 0}
.wrong{color:var(--wrong);font-weight:600}
.fine{color:var(--fine)}
.soft{color:var(--soft);font-size:.9rem}
`;

/** The one style sheet, inside every page: no second request, and none to anybody else. */
export const STYLE = new Html([`<style>${SHEET}</style>`], []);

/** As Content-Security-Policy names it (CSP 3, section 2.3.1): only this sheet applies, whatever gets into a page. */
export const STYLE_SOURCE = `'sha256-${createHash('sha256').update(SHEET).digest('base64')}'`;
