import type { StartedDeviceLogin } from '../client/grants/device-code.ts';
import type { PendingLogin } from '../client/grants/polling.ts';
import type { GrantRequest } from '../client/grants/types.ts';
import type { NewLogin } from '../client/login.ts';
import type { Clock } from '../core/clock.ts';
import { AppError, isAppError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { LoginSettings, SettingsPlace } from '../credentials/login-settings.ts';
import { readPending, removePending, savePending } from '../credentials/pending-logins.ts';
import type { PendingScreen } from './login-screen.ts';

/** A login that goes on later. */
export interface PendingResult {
  /** Names it; no secret. */
  readonly id: string;
  readonly login: PendingLogin;
}

/** Where a login is left and taken up again. */
export interface PausedLogin {
  readonly kept: SettingsPlace;
  readonly clock: Clock;
  readonly screen: PendingScreen;
  readonly requestOf: (settings: LoginSettings) => GrantRequest;
}

/** Starts a device login, stores its handle and leaves. */
export async function startWithoutWaiting(login: PausedLogin, settings: LoginSettings): Promise<PendingResult> {
  const { grant = 'device_code' } = settings;
  if (grant !== 'device_code') {
    throw new AppError('INVALID_ARGUMENT', 'USAGE', `--no-wait is for the device_code grant, not for ${grant}.`);
  }
  const { startDeviceLogin } = await import('../client/grants/index.ts');
  const { handle, expiresIn, ...started } = await startDeviceLogin(login.requestOf(settings));
  const expiresAt = login.clock.now() + expiresIn * 1000;
  const id = savePending(login.kept, { ...started, handle: new Secret(handle), expiresAt, settings });
  const pending = { ...started, onlyHere: false, expiresIn, secondsLeft: () => expiresIn };
  await login.screen.tell(pending);
  return { id, login: pending };
}

/** Takes up a login that was started without waiting. @throws NOT_FOUND LOGIN_UNKNOWN */
export async function resumeLogin(
  login: PausedLogin,
  wanted: string,
): Promise<{ settings: LoginSettings; tokens: NewLogin }> {
  const { kept, clock } = login;
  const now = clock.now();
  const found = readPending(kept, wanted, now);
  if (found === undefined) throw unknownLogin(wanted);
  const { record, id } = found;
  const { handle, expiresAt, settings, ...rest } = record;
  const started: StartedDeviceLogin = {
    ...rest,
    handle: handle.reveal(),
    expiresIn: Math.floor((expiresAt - now) / 1000),
  };
  const { finishDeviceLogin } = await import('../client/grants/index.ts');
  try {
    const tokens = await finishDeviceLogin(login.requestOf(settings), started);
    removePending(kept, id);
    return { settings, tokens };
  } catch (error) {
    // What was denied is over; what nobody has approved yet may be resumed until its time is over.
    if (isAppError(error) && error.code === 'PERMISSION_DENIED') removePending(kept, id);
    throw error;
  }
}

function unknownLogin(wanted: string): AppError {
  const text = wanted === 'latest' ? 'No login waits here to be resumed.' : `No login ${wanted} waits here.`;
  return new AppError('NOT_FOUND', 'LOGIN_UNKNOWN', text, {
    hint: 'It was finished, or its time is over. Start another: fedctl login --no-wait',
  });
}
