import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { familyOf, NEWEST_FAMILY } from '../core/bundle-families.ts';
import type { BundleFamily } from '../core/engine.ts';
import { AppError, isAppError } from '../core/errors.ts';
import { checkFederationId } from '../core/ids.ts';
import { wireConfig } from '../core/scalars.ts';
import type { Run, StartRunHeader } from '../gen/fedctl/v1/runs.ts';
import type { Bundle } from '../project/bundle.ts';
import type { Context } from './context.ts';
import type { Control } from './control.ts';
import { byteSize, progressOn } from './progress.ts';
import { safeLine } from './text.ts';

export interface SubmitInput {
  /** `--run-config` and `--federation-config`, as typed. */
  readonly runConfig: readonly string[];
  readonly federationConfig: readonly string[];
  /** `--federation`; undefined = the connection's, else the server's default. */
  readonly federation: string | undefined;
  /** Undefined: a new one, so that repetitions of this submission give one run. */
  readonly requestId: string | undefined;
  /** `--flwr-version`; undefined: what the server's engine builds. */
  readonly flwrVersion: string | undefined;
}

export interface Submission {
  readonly header: StartRunHeader;
  readonly bundle: Bundle;
}

/**
 * Everything that can be wrong with a submission on this side, before anything of it is sent. Of the server it is only
 * asked what bundles its engine builds. @throws as the project's readers do
 */
export async function prepareSubmission(context: Context, control: Control, input: SubmitInput): Promise<Submission> {
  const [{ readApp }, { bundleApp }, { parseOverrides }] = await Promise.all([
    import('../project/app.ts'),
    import('../project/bundle.ts'),
    import('../project/overrides.ts'),
  ]);
  const { target, connection } = control;
  const forced = input.flwrVersion === undefined ? undefined : familyOf(input.flwrVersion);
  const app = await readApp(target.appDir);
  const { cwd } = context;
  const runConfig = await parseOverrides({ option: '--run-config', values: input.runConfig, cwd, base: app.config });
  const typed = await parseOverrides({
    option: '--federation-config',
    values: input.federationConfig,
    cwd,
    base: undefined,
  });
  const federation = input.federation ?? connection.federation ?? '';
  const family = forced ?? (await askFamily(context, control));
  const bundle = await bundleApp(app, { family });
  for (const warning of bundle.warnings) context.note(warning);
  const header = {
    requestId: checkRequestId(input.requestId ?? randomUUID()),
    federation: federation === '' ? '' : checkFederationId(federation),
    runConfig: wireConfig(runConfig),
    federationConfig: wireConfig({ ...connection.options, ...typed }),
    bundleSize: BigInt(bundle.content.length),
    bundleSha256: bundle.sha256,
  };
  return { header, bundle };
}

/** Not guessed while the server is away for a moment: another family would be another bundle under the same request id. */
async function askFamily(context: Context, { remote }: Control): Promise<BundleFamily> {
  const family = await repeated(context, () => remote.bundleFamily());
  return family === 1 || family === 2 || family === 3 ? family : NEWEST_FAMILY;
}

/** Pauses between repetitions; the request id makes them safe. */
const PAUSES_MS = [500, 2_000, 5_000] as const;

/**
 * Uploads, and repeats with the same request id where it is unknown what became of it. A SuperLink knows no request ids and
 * is asked once.
 */
export async function submit(context: Context, { remote }: Control, { header, bundle }: Submission): Promise<Run> {
  const progress = progressOn(context.stdio);
  const onProgress = (sent: number) =>
    progress.show(`Uploading ${byteSize(sent)} of ${byteSize(bundle.content.length)}`);
  const onNote = (text: string) => context.note(safeLine(text));
  const upload = () =>
    remote.startRun({ header, bundle: bundle.content, onProgress, onNote }).finally(() => progress.clear());
  if (remote.kind === 'superlink') return await upload();
  return await repeated(context, upload).catch((error: unknown) => {
    throw withRequestId(error, header.requestId);
  });
}

async function repeated<Answer>(context: Context, call: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      const pause = PAUSES_MS[attempt];
      if (!isAppError(error) || pause === undefined || !mayRepeat(error)) throw error;
      await delay(Math.max(pause, error.retryAfterMs ?? 0), undefined, { signal: context.signal });
    }
  }
}

/** The answer was lost or the server is away for a moment; a server that can't be found at all is not asked again. */
function mayRepeat(error: AppError): boolean {
  const passing = ['UNAVAILABLE', 'SERVER_NOT_ANSWERING', 'SERVER_CLOSED', 'SERVER_REFUSED', 'DEADLINE_EXCEEDED'];
  return passing.includes(error.reason) || (error.code === 'UNAVAILABLE' && error.retryAfterMs !== undefined);
}

/** Where the outcome stays unknown, the person can ask again without risking a second run. */
function withRequestId(error: unknown, requestId: string): unknown {
  if (!isAppError(error) || (error.code !== 'UNAVAILABLE' && error.code !== 'DEADLINE_EXCEEDED')) return error;
  const hint = `${error.hint ?? ''} Repeat it safely with: fedctl run --request-id ${requestId}`.trim();
  return new AppError(error.code, error.reason, error.message, { hint, cause: error });
}

function checkRequestId(text: string): string {
  if (/^[A-Za-z0-9._-]{1,64}$/.test(text)) return text;
  throw new AppError('INVALID_ARGUMENT', 'USAGE', '--request-id takes 1 to 64 letters, digits, ".", "_" and "-".');
}
