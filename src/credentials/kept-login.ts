import { AppError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { type KeyAgent, tokensId } from './key-agent.ts';
import type { LoginPlace } from './login-place.ts';
import { readLoginSettings } from './login-settings.ts';
import { type MetaRecord, parseTokens, type TokenPair } from './records.ts';

/** Grants that need nobody, so that such a login can be made anew by each command. */
const UNATTENDED: readonly (string | undefined)[] = ['ci', 'client_credentials'];

/**
 * The pair of a login that is on no disk: the agent's. Undefined where it has none and the login can be made anew.
 * @throws UNAUTHENTICATED CREDENTIALS_NOT_KEPT where it can't; as the agent does
 */
export async function readKeptPair(place: LoginPlace, record: MetaRecord): Promise<TokenPair | undefined> {
  const text = await (await agentOf(place))?.tokens(tokensId(idOf(place)));
  if (text !== undefined) return parseTokens(text.reveal(), place.file);
  if ((record.kind ?? 'fedctl') === 'fedctl' && isUnattended(place)) return undefined;
  throw notKept(place);
}

/** True where the login that was remembered can be made anew without a person. */
export function isUnattended({ file, origin, caPin }: Pick<LoginPlace, 'file' | 'origin' | 'caPin'>): boolean {
  return UNATTENDED.includes(readLoginSettings({ path: file, origin, caPin }).grant);
}

/** Proves that the agent, where there is one, could keep a login. @throws as the agent does */
export async function checkAgent(place: LoginPlace): Promise<void> {
  await (await agentOf(place))?.tokens(tokensId(idOf(place)));
}

/**
 * Proves that a pair which can't be made anew will be kept, before anything else that holds it is taken away.
 * @throws UNAUTHENTICATED CREDENTIALS_NOT_KEPT; as the agent does
 */
export async function checkKeeper(place: LoginPlace, { refreshToken }: TokenPair): Promise<void> {
  const agent = await agentOf(place);
  if (agent !== undefined) await agent.tokens(tokensId(idOf(place)));
  else if (refreshToken.reveal() !== '') throw notKept(place);
}

/**
 * Proves that a login which only an agent has can change its place: where nobody knows that agent it would be lost.
 * @throws UNAUTHENTICATED CREDENTIALS_NOT_KEPT; as the agent does
 */
export async function checkMovable(place: LoginPlace): Promise<void> {
  if ((await agentOf(place)) === undefined && !isUnattended(place)) {
    throw notKept(place, 'Do this in a shell whose agent has it. To give it up: fedctl logout --local');
  }
  await keptText(place);
}

/** Gives a pair to the agent, where there is one. */
export async function keepPair(place: LoginPlace, text: string, account: string): Promise<void> {
  const label = { file: place.file, server: place.origin, account };
  await (await agentOf(place))?.putTokens(tokensId(idOf(place)), new Secret(text), label);
}

/** What the agent has, as it is; undefined where it has nothing. */
export async function keptText(place: LoginPlace): Promise<Secret | undefined> {
  return await (await agentOf(place))?.tokens(tokensId(idOf(place)));
}

export async function forgetPair(place: LoginPlace): Promise<void> {
  await (await agentOf(place))?.removeTokens(tokensId(idOf(place)));
}

async function agentOf({ keys }: LoginPlace): Promise<KeyAgent | undefined> {
  return await (await keys?.())?.agent();
}

function idOf({ file, origin }: LoginPlace) {
  return { origin, path: file };
}

const LOG_IN =
  'Start an agent, then log in: eval "$(fedctl agent)" && fedctl login\nOr keep it elsewhere: fedctl login --storage encrypted';

function notKept({ file }: LoginPlace, hint: string = LOG_IN): AppError {
  const text = `The login that would be in ${file} is on no disk, and no agent has it.`;
  return new AppError('UNAUTHENTICATED', 'CREDENTIALS_NOT_KEPT', text, { hint });
}
