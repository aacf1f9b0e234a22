import { AppError } from '../../../core/errors.ts';
import type { LoginPoll } from '../../../core/services.ts';
import { plainText } from '../../../core/text.ts';
import * as proto from '../../../gen/fedctl/v1/sessions.ts';
import { type Binding, bind, KiB } from './binding.ts';
import { one, pair } from './fedctl-v1-sessions.ts';

const SERVICE = '/fedctl.v1.Sessions';
const unary = { kind: 'unary', maxBytes: 64 * KiB } as const;

/** Logging in, and tokens of others. */
export const loginBindings: readonly Binding[] = [
  bind<'login.providers'>({
    ...unary,
    path: `${SERVICE}/ListProviders`,
    method: 'login.providers',
    decode: () => ({}),
    encode: ({ providers }) =>
      proto.ListProvidersResponse.encode({
        providers: providers.map((provider) => ({ ...provider, grants: [...provider.grants] })),
      }).finish(),
  }),
  bind<'login.start'>({
    ...unary,
    path: `${SERVICE}/StartLogin`,
    method: 'login.start',
    decode: ([message]) => startInput(proto.StartLoginRequest.decode(one(message))),
    encode: (login) =>
      proto.StartLoginResponse.encode({
        handle: login.handle,
        userCode: login.userCode,
        verificationUri: login.verificationUri,
        verificationUriComplete: login.verificationUriComplete ?? '',
        expiresIn: BigInt(login.expiresIn),
        interval: BigInt(login.interval),
        provider: login.issuerAlias,
        authorizationUrl: login.authorizationUrl,
      }).finish(),
  }),
  bind<'login.poll'>({
    ...unary,
    path: `${SERVICE}/PollLogin`,
    method: 'login.poll',
    decode: ([message]) => proto.PollLoginRequest.decode(one(message)),
    encode: encodePoll,
  }),
  bind<'login.await'>({
    ...unary,
    path: `${SERVICE}/AwaitLogin`,
    kind: 'server-stream',
    method: 'login.await',
    decode: ([message]) => proto.AwaitLoginRequest.decode(one(message)),
    encode: encodePolls,
  }),
  bind<'login.finish'>({
    ...unary,
    path: `${SERVICE}/FinishLogin`,
    method: 'login.finish',
    decode: ([message]) => {
      const { handle, ...answer } = proto.FinishLoginRequest.decode(one(message));
      return { handle, answer };
    },
    encode: (tokens) => proto.FinishLoginResponse.encode({ tokens: pair(tokens) }).finish(),
  }),
  bind<'login.password'>({
    ...unary,
    path: `${SERVICE}/PasswordLogin`,
    method: 'login.password',
    decode: ([message]) => {
      const { username, password, ...from } = proto.PasswordLoginRequest.decode(one(message));
      return { username, password, ...sender(from) };
    },
    encode: (tokens) => proto.PasswordLoginResponse.encode({ tokens: pair(tokens) }).finish(),
  }),
  bind<'token.exchange'>({
    ...unary,
    path: `${SERVICE}/ExchangeToken`,
    method: 'token.exchange',
    decode: ([message]) => {
      const { client, host, ...request } = proto.ExchangeTokenRequest.decode(one(message));
      return { ...request, client: plainText(client, 100), host: plainText(host, 255) };
    },
    encode: (token) =>
      proto.ExchangeTokenResponse.encode({
        accessToken: token.accessToken,
        issuedTokenType: token.issuedTokenType,
        expiresIn: BigInt(token.expiresIn),
        scopes: [...(token.scopes ?? [])],
        sessionId: token.sessionId,
        account: token.accountHandle,
      }).finish(),
  }),
  bind<'token.provider'>({
    ...unary,
    path: `${SERVICE}/GetProviderToken`,
    method: 'token.provider',
    decode: ([message]) => ({ minLife: seconds(proto.GetProviderTokenRequest.decode(one(message)).minLife) }),
    encode: (token) => proto.GetProviderTokenResponse.encode({ ...token, expiresIn: BigInt(token.expiresIn) }).finish(),
  }),
];

function startInput(request: proto.StartLoginRequest) {
  const { grant, prompt, maxAge } = request;
  return {
    ...sender(request),
    grant: choose(grant || 'device_code', ['device_code', 'code'], 'grant'),
    redirectUri: request.redirectUri,
    prompt: choose(prompt, ['', 'login'], 'prompt'),
    scopes: request.scopes,
    maxAge: maxAge === undefined ? undefined : seconds(maxAge),
    acrValues: request.acrValues,
    loginHint: plainText(request.loginHint, 255),
  };
}

function sender({ provider, client, host }: { provider: string; client: string; host: string }) {
  return { provider: plainText(provider, 64), client: plainText(client, 100), host: plainText(host, 255) };
}

function choose<const T extends string>(value: string, choices: readonly T[], field: string): T {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw new AppError('INVALID_ARGUMENT', 'REQUEST_INVALID', `The server does not know that ${field}.`);
}

function seconds(value: bigint): number {
  if (value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw new AppError('INVALID_ARGUMENT', 'REQUEST_INVALID', 'A time in the request makes no sense.');
}

function encodePoll(poll: LoginPoll): Uint8Array {
  const message: proto.PollLoginResponse =
    poll.state === 'approved'
      ? { state: poll.state, interval: 0n, tokens: pair(poll.tokens) }
      : { state: poll.state, interval: BigInt(poll.interval), tokens: undefined };
  return proto.PollLoginResponse.encode(message).finish();
}

async function* encodePolls(polls: AsyncIterable<LoginPoll>): AsyncGenerator<Uint8Array> {
  for await (const poll of polls) yield encodePoll(poll);
}
