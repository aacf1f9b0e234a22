import { homedir, hostname, userInfo } from 'node:os';
import { findingLines } from './doctor-view.ts';
import type { Finding } from './finding.ts';

/** What a report must not tell, and what stands for it. */
export interface Redaction {
  readonly home: string;
  readonly project: string | undefined;
  /** Names of people and machines; addresses of servers stay. */
  readonly names: readonly string[];
}

/** What this machine would tell of its owner. */
export function redactionHere(project: string | undefined, accounts: readonly string[]): Redaction {
  return { home: homedir(), project, names: [userName(), hostname(), ...accounts] };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}

/** Tokens of any kind: JWT, and whatever is as long and as random as one. */
const TOKEN = /\beyJ[\w-]+\.[\w-]+\.[\w-]*|(?<![\w/-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{32,}(?![\w/-])/g;
/** Path outside the project and the home folder: its last part stays. */
const PATH = /(?<![\w:/.<>~-])\/(?:[^\s/"',;:()]+\/)+([^\s/"',;:()]+)/g;
const LOGIN_IN_URL = /(\bhttps?:\/\/)[^\s/@]+@/g;
const EMAIL = /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g;
/** SHA-256 of a certificate: what a reader of the report needs. */
const FINGERPRINT = /(?:[0-9A-F]{2}:){31}[0-9A-F]{2}/;

/** A sentence that may be pasted into a ticket. */
export function redact(text: string, { home, project, names }: Redaction): string {
  const places = [
    ...(project === undefined ? [] : [[project, '<project>'] as const]),
    ...(home.length > 1 ? [[home, '~'] as const] : []),
  ];
  const bare = text.replace(LOGIN_IN_URL, '$1<login>@').replace(EMAIL, '<e-mail>');
  const shortened = places.reduce((one, [path, word]) => one.replaceAll(path, word), bare);
  const anonymous = names
    .filter((name) => name.length > 1 && name !== 'fedctl' && name !== 'localhost')
    .reduce((one, name) => one.replace(wordOf(name), '<name>'), shortened);
  return anonymous.replace(TOKEN, (found) => (FINGERPRINT.test(found) ? found : '<secret>')).replace(PATH, '.../$1');
}

function wordOf(name: string): RegExp {
  const literal = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\w.-])${literal}(?![\\w-])(?!\\.\\w)`, 'g');
}

export function redactFinding(finding: Finding, redaction: Redaction): Finding {
  const { text, hint, ...rest } = finding;
  return { ...rest, text: redact(text, redaction), hint: hint === undefined ? undefined : redact(hint, redaction) };
}

/** The report as Markdown, so that a ticket keeps its lines. */
export function reportLines(findings: readonly Finding[], facts: { program: string; now: number }): string[] {
  const machine = `Node ${process.version}, ${process.platform} ${process.arch}`;
  const time = new Date(facts.now).toISOString().replace(/\.\d+/, '');
  return ['```', `${facts.program}, ${machine}, ${time}`, '', ...findingLines(findings), '```'];
}
