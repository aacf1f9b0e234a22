import type { PendingLogin } from '../client/grants/index.ts';
import type { Connection } from '../project/connections.ts';
import { isHeadless, openBrowser, surroundings } from './browser.ts';
import type { Context } from './context.ts';
import { clockTime } from './duration.ts';
import { progressOn } from './progress.ts';
import { qrLines } from './qr.ts';
import { safeLine } from './text.ts';

export interface PendingScreen {
  readonly show: (pending: PendingLogin) => Promise<void>;
  /** Takes away what only stands while waiting. */
  readonly end: () => void;
}

/** What a person sees while a login waits for approval. On stderr, so that stdout holds results only. */
export function pendingScreen(
  context: Context,
  connection: Connection,
  launchBrowser: boolean | undefined,
): PendingScreen {
  const progress = progressOn(context.stdio);
  let timer: NodeJS.Timeout | undefined;
  return {
    async show(pending) {
      if (context.json) context.note(JSON.stringify(pendingEvent(pending, connection)));
      else for (const line of await pendingLines(context, pending, connection)) context.note(line);
      const launch = launchBrowser ?? (!context.json && !isHeadless(surroundings()));
      if (launch && !(await openBrowser(pending.verificationUriComplete)) && !context.json) {
        context.note('The browser could not be opened; open the address yourself.');
      }
      const tick = () => progress.show(`Waiting for approval, ${clockTime(pending.secondsLeft())} left`);
      if (context.json) return;
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

async function pendingLines(context: Context, pending: PendingLogin, connection: Connection): Promise<string[]> {
  const qr = await qrLines(pending.verificationUriComplete, context.stdio);
  const plain = pending.verificationUri === pending.verificationUriComplete;
  const coded = pending.userCode !== '';
  return [
    `Log in to ${connection.address} (connection "${connection.name}").`,
    '',
    `  Open:       ${safeLine(pending.verificationUriComplete)}`,
    ...(plain ? [] : [`  Or go to:   ${safeLine(pending.verificationUri)}`]),
    ...(coded ? [`  Your code:  ${safeLine(pending.userCode)}`] : []),
    '',
    ...qr,
    `Approve this ${coded ? 'code' : 'login'} only if you started this login yourself, for ${connection.host}.`,
    pendingLine(pending),
  ];
}

/** The one line that terminals and scripts may look for (docs/cli.md, "The login line"). */
export function pendingLine(pending: PendingLogin): string {
  const [url, code] = [safeLine(pending.verificationUriComplete), safeLine(pending.userCode).replaceAll(' ', '')];
  return `fedctl-login: url=${url} code=${code} expires-in=${pending.expiresIn}`;
}

function pendingEvent(pending: PendingLogin, connection: Connection) {
  return {
    event: 'login-pending',
    server: connection.address,
    url: safeLine(pending.verificationUriComplete),
    'verification-uri': safeLine(pending.verificationUri),
    'user-code': safeLine(pending.userCode),
    'expires-in': pending.expiresIn,
  };
}
