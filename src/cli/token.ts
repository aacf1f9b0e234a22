import { hostname } from 'node:os';
import type { Client } from '../client/channel.ts';
import type { Endpoint } from '../client/endpoint.ts';
import { lifeOf, notLoggedIn, type StoredLogin } from '../client/login.ts';
import type { Session } from '../client/session.ts';
import { AppError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { Connection } from '../project/connections.ts';
import type { Context } from './context.ts';
import { endpointOf, findTarget, openClient, openSessionAt, refuseInsecure } from './control.ts';
import { roughTime } from './duration.ts';
import { openActiveLogin } from './login-store.ts';

export interface TokenInput {
  readonly positionals: readonly (string | undefined)[];
  /** The token must live that long, in seconds. */
  readonly time: number;
  /** Narrower than the login; empty: all that it may do. */
  readonly scopes: readonly string[];
  /** For another service; empty: the server itself. */
  readonly audience: readonly string[];
  /** False: the token of the identity provider, as it came from there. */
  readonly exchange: boolean;
}

/** A token to be used by somebody else. */
export interface TokenResult {
  readonly token: Secret;
  /** Seconds; undefined = not known. */
  readonly expiresIn: number | undefined;
  readonly connection: Connection;
}

interface TokenPlace {
  readonly context: Context;
  readonly connection: Connection;
  readonly endpoint: Endpoint;
  readonly input: TokenInput;
}

/**
 * A token that is good for `time` at least: the stored one where that is enough, which asks nobody and loads no gRPC.
 * @throws UNAUTHENTICATED NOT_LOGGED_IN; FAILED_PRECONDITION TOKEN_LIFE_TOO_SHORT; as renewing and exchanging do
 */
export async function findToken(context: Context, input: TokenInput): Promise<TokenResult> {
  const { connection } = await findTarget(context, input.positionals);
  refuseInsecure(connection);
  const endpoint = await endpointOf(connection);
  const active = await openActiveLogin(context, connection, endpoint.rootCertificates);
  const login = await active.store.read();
  if (login === undefined) throw notLoggedIn(input.positionals.filter((word) => word !== undefined));
  const place: TokenPlace = { context, connection, endpoint, input };
  const narrower = input.scopes.length > 0 || input.audience.length > 0;
  const isPlane = (await active.kind()) === 'fedctl';
  if ((narrower || !input.exchange) && !isPlane) throw notServed(connection);
  if (!input.exchange) return await providerToken(place);
  if (narrower) return await narrowerToken(place);
  if (login.expiresInMs >= input.time * 1000) return resultOf(place, login.accessToken, login.expiresInMs / 1000);
  if (!isPlane) throw tooShort(input, login.expiresInMs / 1000);
  return await renewedToken(place, login);
}

/** @throws FAILED_PRECONDITION TOKEN_LIFE_TOO_SHORT before anything is renewed in vain */
async function renewedToken(place: TokenPlace, login: StoredLogin): Promise<TokenResult> {
  const { time } = place.input;
  // A login without a refresh token is made anew, and may then live longer.
  const lifeMs = login.refreshToken.reveal() === '' ? undefined : lifeOf(login.accessToken);
  if (lifeMs !== undefined && lifeMs < time * 1000) throw tooShort(place.input, lifeMs / 1000);
  const { session } = await openSession(place);
  const token = await session.token(time * 1000);
  const left = session.left() / 1000;
  if (left < time) throw tooShort(place.input, left);
  return resultOf(place, new Secret(token), left);
}

/** A token for a script or another service, that may do less than the login (RFC 8693). */
async function narrowerToken(place: TokenPlace): Promise<TokenResult> {
  const { scopes, audience, time } = place.input;
  const { client, session } = await openSession(place);
  const subject = new Secret(await session.token());
  const { exchangeToken, SUBJECT } = await import('../client/grants/index.ts');
  const program = { client, program: place.context.program, host: hostname() };
  const type = SUBJECT.accessToken;
  const answer = await exchangeToken(program, { token: subject, type }, { scopes, audience });
  if (answer.expiresIn < time) throw tooShort(place.input, answer.expiresIn);
  return resultOf(place, answer.accessToken, answer.expiresIn);
}

/** What the identity provider gave at the login, where the server's configuration lets the user have it. */
async function providerToken(place: TokenPlace): Promise<TokenResult> {
  const { client, session } = await openSession(place);
  const method = client.sessions.getProviderToken.bind(client.sessions);
  const answer = await session.call(method, { minLife: BigInt(place.input.time) });
  const expiresIn = Number(answer.expiresIn);
  if (answer.accessToken === '' || !/^[\x21-\x7e]+$/.test(answer.accessToken)) {
    throw new AppError('INTERNAL', 'ANSWER_MALFORMED', 'The server answered without the token that was due.');
  }
  if (expiresIn > 0 && expiresIn < place.input.time) throw tooShort(place.input, expiresIn);
  return resultOf(place, new Secret(answer.accessToken), expiresIn || undefined);
}

async function openSession({ context, connection, endpoint }: TokenPlace): Promise<{
  client: Client;
  session: Session;
}> {
  const client = await openClient(context, endpoint);
  return { client, session: await openSessionAt(context, { connection, endpoint, client }) };
}

function resultOf({ connection }: TokenPlace, token: Secret, seconds: number | undefined): TokenResult {
  return { token, expiresIn: seconds === undefined ? undefined : Math.floor(seconds), connection };
}

function tooShort({ time }: TokenInput, seconds: number): AppError {
  const text = `A token of this server lives ${roughTime(seconds)}, and ${roughTime(time)} were asked for.`;
  return new AppError('FAILED_PRECONDITION', 'TOKEN_LIFE_TOO_SHORT', text, {
    hint: 'Ask for less (--time), and for the next one when this one ends.',
  });
}

function notServed({ address }: Connection): AppError {
  const text = `The server at ${address} is a SuperLink: it exchanges no tokens.`;
  return new AppError('UNIMPLEMENTED', 'NOT_SERVED_HERE', text, {
    hint: 'A fedctl control plane in front of it does: see "fedctl server --help".',
  });
}
