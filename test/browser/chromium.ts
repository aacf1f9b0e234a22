import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Path of a Chromium: CHROMIUM, else one on PATH. @throws Error that says how to get one */
export function findChromium({ CHROMIUM, PATH = '' }: NodeJS.ProcessEnv): string {
  const places = CHROMIUM ? [CHROMIUM] : PATH.split(delimiter).flatMap((dir) => NAMES.map((name) => join(dir, name)));
  const found = places.find(isExecutable);
  if (found) return found;
  throw new Error(
    `No Chromium at ${CHROMIUM ?? NAMES.join(', ')}. Install one (Debian: apt-get install --no-install-recommends chromium), or name it in CHROMIUM.`,
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A running Chromium; each visitor has cookies of their own. */
export interface Chromium {
  visitor(options?: BrowserContextOptions): Promise<Visitor>;
  close(): Promise<void>;
}

export interface Visitor {
  readonly context: BrowserContext;
  /** A new tab. */
  tab(): Promise<Page>;
  /** What no page of ours may do: dialogs, scripts, violations of a policy, failed loads, requests to `foreign` places. */
  readonly offences: readonly string[];
  leave(): Promise<void>;
}

export async function openChromium(env: NodeJS.ProcessEnv = process.env): Promise<Chromium> {
  const browser: Browser = await chromium.launch({
    executablePath: findChromium(env),
    // Its sandbox needs a user namespace, which root in a container has not.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  return {
    visitor: async (options = {}) => visit(await browser.newContext({ ignoreHTTPSErrors: true, ...options })),
    close: () => browser.close(),
  };
}

async function visit(context: BrowserContext): Promise<Visitor> {
  const offences: string[] = [];
  // Runs before any script of a page, whatever its policy; the event tells violations that no console shows.
  await context.exposeBinding('fedctlOffence', (_source, text: string) => void offences.push(text));
  await context.addInitScript({
    content: `addEventListener('securitypolicyviolation', (event) =>
      fedctlOffence('policy: ' + event.violatedDirective + ' ' + event.blockedURI));`,
  });
  context.on('dialog', (dialog) => {
    offences.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  context.on('console', (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) offences.push(`console: ${message.text()}`);
  });
  return { context, tab: () => context.newPage(), offences, leave: () => context.close() };
}
