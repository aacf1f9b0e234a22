import type { PendingLogin } from '../client/grants/polling.ts';
import type { Connection } from '../project/connections.ts';
import { isHeadless, openBrowser, surroundings } from './browser.ts';
import type { Context } from './context.ts';
import { clockTime, roughTime } from './duration.ts';
import { progressOn } from './progress.ts';
import { qrLines } from './qr.ts';
import { safeLine } from './text.ts';

export interface PendingScreen {
  /** Tells what to do, opens the browser, and shows how long there is still time. */
  readonly show: (pending: PendingLogin) => Promise<void>;
  /** Tells what to do. */
  readonly tell: (pending: PendingLogin) => Promise<void>;
  /** Takes away what only stands while waiting. */
  readonly end: () => void;
}

export interface ScreenStyle {
  /** Undefined: open a browser where somebody can see it. */
  readonly launchBrowser: boolean | undefined;
  /** For screen readers: no code to scan, nothing that moves, one line per change. */
  readonly plain: boolean;
}

/** What a person sees while a login waits for approval. On stderr, so that stdout holds results only. */
export function pendingScreen(context: Context, connection: Connection, style: ScreenStyle): PendingScreen {
  const progress = progressOn(context.stdio);
  const plain = style.plain || context.env.FEDCTL_PLAIN === '1';
  let timer: NodeJS.Timeout | undefined;
  const tell = async (pending: PendingLogin) => {
    if (context.json) context.note(JSON.stringify(pendingEvent(pending, connection)));
    else for (const line of await pendingLines(context, pending, { connection, plain })) context.note(line);
  };
  return {
    tell,
    async show(pending) {
      await tell(pending);
      const around = surroundings(context.env);
      const launch = style.launchBrowser ?? (!context.json && !isHeadless(around));
      if (launch && !(await openBrowser(pending.verificationUriComplete, around)) && !context.json) {
        context.note('The browser could not be opened; open the address yourself.');
      }
      if (context.json) return;
      if (plain) return context.note(`Waiting for approval, at most ${roughTime(pending.secondsLeft())}.`);
      const tick = () => progress.show(`Waiting for approval, ${clockTime(pending.secondsLeft())} left`);
      tick();
      timer = setInterval(tick, 1_000);
      timer.unref();
    },
    end() {
      clearInterval(timer);
      progress.clear();
    },
  };
}

async function pendingLines(
  context: Context,
  pending: PendingLogin,
  { connection, plain }: { connection: Connection; plain: boolean },
): Promise<string[]> {
  const link = plain ? safeLine : linkFor(context);
  const heading = `Log in to ${connection.address} (connection "${connection.name}").`;
  const warning = `only if you started this login yourself, for ${connection.host}.`;
  const url = link(pending.verificationUriComplete);
  if (pending.onlyHere) {
    const here = 'The browser must be on this machine. For any other: --grant device_code';
    return [heading, '', `  Open:  ${url}`, '', `Sign in ${warning}`, here, pendingLine(pending)];
  }
  const coded = pending.userCode !== '';
  const bare = pending.verificationUri === pending.verificationUriComplete;
  return [
    heading,
    '',
    `  Open:       ${url}`,
    ...(bare ? [] : [`  Or go to:   ${link(pending.verificationUri)}`]),
    ...(coded ? [`  Your code:  ${safeLine(pending.userCode)}`] : []),
    '',
    ...(plain ? [] : await qrLines(pending.verificationUriComplete, context.stdio)),
    `Approve this ${coded ? 'code' : 'login'} ${warning}`,
    pendingLine(pending),
  ];
}

/** A link that can be clicked (OSC 8) where the terminal does that; the text is the address itself. */
export function linkFor({ stdio, env }: Pick<Context, 'stdio' | 'env'>): (address: string) => string {
  if (!stdio.errIsTty || env.TERM === 'dumb' || env.CI) return safeLine;
  return (address) => {
    const safe = safeLine(address);
    return `\u001b]8;;${safe}\u001b\\${safe}\u001b]8;;\u001b\\`;
  };
}

/** The one line that terminals and scripts may look for (docs/cli.md, "The login line"). */
export function pendingLine(pending: PendingLogin): string {
  const [url, code] = [safeLine(pending.verificationUriComplete), safeLine(pending.userCode).replaceAll(' ', '')];
  return `fedctl-login: url=${url} code=${code} expires-in=${pending.expiresIn}`;
}

function pendingEvent(pending: PendingLogin, connection: Connection) {
  return { event: 'login-pending', server: connection.address, ...pendingDocument(pending) };
}

/** A pending login for programs. */
export function pendingDocument(pending: PendingLogin) {
  return {
    url: safeLine(pending.verificationUriComplete),
    'verification-uri': safeLine(pending.verificationUri),
    'user-code': safeLine(pending.userCode),
    'expires-in': pending.expiresIn,
  };
}
