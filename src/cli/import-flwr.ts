import { loginOf, type NewLogin } from '../client/login.ts';
import { isLoopback } from '../core/addresses.ts';
import { AppError, isAppError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { tokenClaims } from '../core/token-claims.ts';
import type { TokenPair } from '../credentials/records.ts';
import type { Connection } from '../project/connections.ts';
import type { Context } from './context.ts';
import { endpointOf, findTarget, openClient, refuseInsecure, userAgentOf } from './control.ts';
import { type FlwrLogin, type FlwrLogins, findFlwrLogins } from './flwr-store.ts';
import type { LoginPlace, LoginResult } from './login.ts';
import { keepingOf } from './login-account.ts';
import { openLoginStore } from './login-store.ts';
import { checkKept } from './storage.ts';
import { identify } from './superlink.ts';
import { safeLine } from './text.ts';

type ImportPlace = Omit<LoginPlace, 'input'>;

/**
 * Takes over the login that flwr has stored for this very address, once the server has accepted it. flwr's own files are
 * read only.
 * @throws UNAUTHENTICATED FLWR_LOGIN_MISSING, FLWR_LOGIN_FOREIGN, FLWR_LOGIN_ENDED; as storing and calling do
 */
export async function importLogin(
  context: Context,
  positionals: readonly (string | undefined)[],
): Promise<LoginResult> {
  const { connection } = await findTarget(context, positionals);
  refuseInsecure(connection);
  const found = await findFlwrLogins(connection, context.env);
  if (found.logins.length === 0) throw missing(connection, found);
  const endpoint = await endpointOf(connection);
  const keeping = await keepingOf({ context, connection, endpoint }, { storage: undefined, account: undefined });
  checkKept(context, keeping.storage, 'device_code');
  const place: ImportPlace = { context, connection, endpoint, keeping };
  const store = openLoginStore(context, connection, endpoint.rootCertificates, undefined, keeping);
  const server = await identify(context, place.endpoint);
  for (const warning of await store.prepare()) context.note(safeLine(warning));
  let refusal: unknown;
  for (const login of found.logins) {
    try {
      const account =
        server.kind === 'fedctl'
          ? await fromPlane(place, login, server.info)
          : await fromSuperlink(place, login, server.transport);
      return { account, connection, already: false, storage: keeping.storage.kind };
    } catch (error) {
      if (!isAppError(error) || error.code !== 'UNAUTHENTICATED') throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

/** The account. Who a token is from is looked at before it is sent anywhere. */
async function fromPlane(
  { context, connection, endpoint, keeping }: ImportPlace,
  login: FlwrLogin,
  { issuer, timeMs }: { readonly issuer: string; readonly timeMs: bigint },
): Promise<string> {
  const { iss } = tokenClaims(login.accessToken);
  if (iss === undefined || iss !== issuer || !(login.isBound || isAt(iss, connection))) {
    throw foreign(connection, login, iss);
  }
  const client = await openClient(context, endpoint);
  const { callUnary } = await import('../client/index.ts');
  const store = openLoginStore(context, connection, endpoint.rootCertificates, 'fedctl', keeping);
  const whoAmI = client.sessions.whoAmI.bind(client.sessions);
  try {
    const me = await callUnary(client, whoAmI, {}, { token: login.accessToken.reveal() });
    const { sessionId, account } = me;
    await store.write({ ...pairOf(login), expiresIn: lifeLeft(login, timeMs), sessionId, account });
    return safeLine(account);
  } catch (error) {
    if (!isAppError(error) || error.code !== 'UNAUTHENTICATED') throw error;
    const renewed = await renew(error);
    await store.write(renewed);
    return safeLine(renewed.account);
  }

  async function renew(refused: AppError): Promise<NewLogin> {
    const method = client.sessions.renew.bind(client.sessions);
    try {
      if (refused.reason !== 'TOKEN_EXPIRED') throw refused;
      const { tokens } = await callUnary(client, method, { refreshToken: login.refreshToken.reveal() });
      return loginOf(tokens, (text) => new Secret(text));
    } catch (error) {
      throw isAppError(error) && error.code === 'UNAUTHENTICATED' ? ended(connection, login, error) : error;
    }
  }
}

/** "": a SuperLink doesn't say who somebody is. */
async function fromSuperlink(
  { context, connection, endpoint, keeping }: ImportPlace,
  login: FlwrLogin,
  transport: 'grpc' | 'http',
): Promise<string> {
  if (!login.isBound) throw foreign(connection, login, undefined);
  const { newTokens, proveTokens } = await import('../client/superlink/index.ts');
  const tokens = { accessToken: login.accessToken.reveal(), refreshToken: login.refreshToken.reveal() };
  try {
    const proven = await proveTokens({ endpoint, transport, userAgent: userAgentOf(context), tokens });
    const kind = `superlink-${transport}` as const;
    await openLoginStore(context, connection, endpoint.rootCertificates, kind, keeping).write(newTokens(proven));
    return '';
  } catch (error) {
    throw isAppError(error) && error.code === 'UNAUTHENTICATED' ? ended(connection, login, error) : error;
  }
}

function pairOf({ accessToken, refreshToken }: FlwrLogin): TokenPair {
  return { accessToken, refreshToken };
}

/** Seconds of life left of the access token, by the clock of the server that made it. */
function lifeLeft({ accessToken }: FlwrLogin, serverTimeMs: bigint): number {
  const { exp = 0 } = tokenClaims(accessToken);
  return Math.max(0, Math.floor(exp - Number(serverTimeMs) / 1000));
}

/** An issuer names the server's own HTTPS address: it is this server where the host is the connection's. */
function isAt(issuer: string, { host }: Connection): boolean {
  const named = URL.parse(issuer)?.hostname.replace(/^\[(.*)\]$/, '$1') ?? '';
  return named.toLowerCase() === host.toLowerCase() || (isLoopback(named) && isLoopback(host));
}

const ANEW = 'Log in anew: fedctl login';

function missing({ name, address }: Connection, { files, others }: FlwrLogins): AppError {
  const where = others.length > 0 ? ` It has logins for ${safeLine(others.join(', '))}.` : '';
  const text = `flwr has no login for "${name}" (${address}).${where}`;
  return new AppError('UNAUTHENTICATED', 'FLWR_LOGIN_MISSING', text, {
    hint: `Looked in ${files.join(' and ')}.\n${ANEW}`,
  });
}

function foreign({ address }: Connection, { file }: FlwrLogin, issuer: string | undefined): AppError {
  const text =
    issuer === undefined
      ? `The login in ${file} doesn't say that it is for ${address}, so it is not sent there.`
      : `The login in ${file} is from ${safeLine(issuer)}, not from the server at ${address}.`;
  return new AppError('UNAUTHENTICATED', 'FLWR_LOGIN_FOREIGN', text, { hint: ANEW });
}

function ended({ address }: Connection, { file }: FlwrLogin, cause: AppError): AppError {
  const text = `The login in ${file} has ended: ${address} does not accept it any more.`;
  return new AppError('UNAUTHENTICATED', 'FLWR_LOGIN_ENDED', text, { hint: ANEW, cause });
}
