import type { PollLoginResponse, TokenPair } from '../../gen/fedctl/v1/sessions.ts';
import { hasReason, isServiceError, toAppError } from '../errors.ts';
import { expiredLogin } from './answers.ts';
import type { GrantRequest } from './types.ts';

/** gRPC numbers of UNIMPLEMENTED and UNAVAILABLE: an older server, or one that is going away. */
const ASK_INSTEAD: readonly number[] = [12, 14];

/**
 * Waits until the server tells the end of a login.
 * @returns undefined where it does not push, or the connection broke: ask it instead
 * @throws UNAUTHENTICATED LOGIN_EXPIRED; what the server says of the login (DG-06)
 */
export async function awaitPush(
  { client, signal }: GrantRequest,
  { handle, secondsLeft }: { handle: string; secondsLeft: () => number },
): Promise<TokenPair | undefined> {
  signal.throwIfAborted();
  const stream = client.sessions.awaitLogin({ handle });
  const cancel = () => stream.cancel();
  // DG-07: nothing is waited for after the end.
  const timer = setTimeout(cancel, secondsLeft() * 1000);
  signal.addEventListener('abort', cancel, { once: true });
  try {
    for await (const { state, tokens } of stream as AsyncIterable<PollLoginResponse>) {
      if (state === 'approved' && tokens !== undefined && tokens.accessToken !== '') return tokens;
    }
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (secondsLeft() <= 0) throw expiredLogin();
    if (!isServiceError(error)) throw error;
    if (ASK_INSTEAD.includes(error.code) || !hasReason(error)) return undefined;
    throw toAppError(error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
    stream.cancel();
  }
}
