import { loadRootCertificates } from '../project/connections.ts';
import { resolveTarget } from '../project/target.ts';
import { parseSeconds } from './duration.ts';
import { openActiveLogin } from './login-store.ts';
import { tokenLine } from './token-view.ts';

interface Asked {
  readonly positionals: readonly string[];
  readonly time: number;
  readonly format: keyof typeof tokenLine;
}

/**
 * `fedctl token` where the stored token is all that is wanted: scripts call it before every request of theirs, so it does
 * without the framework of commands. False where anything else is asked or goes wrong: then the command does it, and says why.
 */
export async function printStoredToken(argv: readonly string[]): Promise<boolean> {
  try {
    const asked = understand(argv);
    if (asked === undefined) return false;
    const { env } = process;
    const { connection } = await resolveTarget({ positionals: asked.positionals, cwd: process.cwd(), env });
    if (connection.insecure) return false;
    // Without a terminal among the edges nobody is asked for a passphrase.
    const active = await openActiveLogin({ env }, connection, await loadRootCertificates(connection));
    const login = await active.store.read();
    if (login === undefined || login.expiresInMs < asked.time * 1000) return false;
    process.stdout.write(`${tokenLine[asked.format](login.accessToken.reveal())}\n`);
    return true;
  } catch {
    return false;
  }
}

/** The few flags that change nothing about where a token comes from. */
function understand(argv: readonly string[]): Asked | undefined {
  const positionals: string[] = [];
  let [time, format] = ['60s', 'raw'];
  const words = argv.flatMap((word) => /^(--\w+)=(.*)$/s.exec(word)?.slice(1) ?? [word]);
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--time') time = words[++at] ?? '';
    else if (word === '--format') format = words[++at] ?? '';
    else if (word.startsWith('-')) return undefined;
    else positionals.push(word);
  }
  if (positionals.length > 2 || !Object.hasOwn(tokenLine, format)) return undefined;
  return { positionals, time: parseSeconds(time), format: format as Asked['format'] };
}
