import type { DeviceAuthorizationResponse } from 'openid-client';
import { providerAnswerInvalid } from './failures.ts';
import { isLoopbackHttp } from './transport.ts';

/** A provider's answer to a device authorization request (RFC 8628 section 3.2), checked. Times in milliseconds. */
export interface DeviceStart {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly verificationUri: string;
  readonly verificationUriComplete: string | undefined;
  readonly expiresInMs: number;
  readonly intervalMs: number;
}

const MAX_URI = 2048;
const MAX_DEVICE_CODE = 8192;
/** Longer is not patience but a mistake: the flow would be over after a poll or two. */
const MAX_INTERVAL_S = 60;

/** @throws UNAVAILABLE IDENTITY_PROVIDER_UNAVAILABLE where a part can't be shown or used safely (security.md DG-11) */
export function readDeviceStart(
  answer: DeviceAuthorizationResponse,
  { allowInsecure, intervalMs }: { allowInsecure: boolean; intervalMs: number },
): DeviceStart {
  const { device_code, user_code, verification_uri, verification_uri_complete, expires_in, interval } = answer;
  const uris = [verification_uri, verification_uri_complete ?? verification_uri];
  if (!uris.every((uri) => isSafeUri(uri, allowInsecure))) throw unusable('verification URI');
  if (!/^[\x21-\x7e][\x20-\x7e]{0,63}$/.test(user_code)) throw unusable('user code');
  if (device_code.length > MAX_DEVICE_CODE) throw unusable('device code');
  if (!Number.isFinite(expires_in) || expires_in <= 0) throw unusable('expires_in');
  return {
    deviceCode: device_code,
    userCode: user_code,
    verificationUri: verification_uri,
    verificationUriComplete: verification_uri_complete,
    expiresInMs: expires_in * 1000,
    intervalMs: interval === undefined ? intervalMs : Math.min(Math.max(interval, 1), MAX_INTERVAL_S) * 1000,
  };
}

/** https, or http on loopback in development; nothing that a terminal, a shell or a browser could take otherwise. */
export function isSafeUri(text: string, allowInsecure: boolean): boolean {
  if (text.length > MAX_URI || !/^[\x21-\x7e]+$/.test(text) || /["'`<>\\^{|}]/.test(text) || !URL.canParse(text))
    return false;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || (allowInsecure && isLoopbackHttp(url));
}

const unusable = (what: string) => providerAnswerInvalid(new Error(`device authorization answer: unusable ${what}`));
