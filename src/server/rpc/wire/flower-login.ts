import { PLAIN_LOGIN } from '../../../core/services.ts';
import * as proto from '../../../gen/flwr/proto/control.ts';
import { KiB } from './binding.ts';
import { one } from './fedctl-v1-sessions.ts';
import { type FlowerCall, type FlowerCalls, flowerCall } from './flower-calls.ts';
import { clientName, hangsOnFailedLogin } from './flower-releases.ts';

const unary = { kind: 'unary', maxBytes: 64 * KiB } as const;

const PENDING = { accessToken: '', refreshToken: '' };

/** The device grant as flwr speaks it (flower facts, section 1). */
export const loginCalls: FlowerCalls = {
  GetLoginDetails: flowerCall<'login.start'>({
    ...unary,
    method: 'login.start',
    decode: (_messages, headers) => ({ ...PLAIN_LOGIN, provider: '', client: clientName(headers), host: '' }),
    encode: (login) =>
      proto.GetLoginDetailsResponse.encode({
        authnType: 'oidc',
        deviceCode: login.handle,
        verificationUriComplete: login.verificationUriComplete ?? login.verificationUri,
        expiresIn: BigInt(login.expiresIn),
        interval: BigInt(login.interval),
      }).finish(),
  }),
  GetAuthTokens: flowerCall<'login.poll'>({
    ...unary,
    method: 'login.poll',
    decode: ([message]) => ({ handle: proto.GetAuthTokensRequest.decode(one(message)).deviceCode }),
    // Pending is an empty answer; every error status ends flwr's login at once (flower facts, 1.1).
    encode: (poll) =>
      proto.GetAuthTokensResponse.encode(
        poll.state === 'approved'
          ? { accessToken: poll.tokens.accessToken, refreshToken: poll.tokens.refreshToken }
          : PENDING,
      ).finish(),
  }),
};

const { GetLoginDetails, GetAuthTokens } = loginCalls as Record<'GetLoginDetails' | 'GetAuthTokens', FlowerCall>;

/** The same over gRPC, where releases up to 1.31 hang once a login RPC has failed: so none fails for them. */
export const grpcLoginCalls: FlowerCalls = {
  GetLoginDetails: {
    ...GetLoginDetails,
    // They print the type that they do not know, and end.
    excuse: ({ message }, headers) =>
      hangsOnFailedLogin(headers) ? unknownType(`unavailable: ${message}`) : undefined,
  },
  GetAuthTokens: {
    ...GetAuthTokens,
    // Pending until the code has run out: that ends them, with exit code 1.
    excuse: (_error, headers) =>
      hangsOnFailedLogin(headers) ? proto.GetAuthTokensResponse.encode(PENDING).finish() : undefined,
  },
};

function unknownType(authnType: string): Uint8Array {
  const none = { deviceCode: '', verificationUriComplete: '', expiresIn: 0n, interval: 0n };
  return proto.GetLoginDetailsResponse.encode({ ...none, authnType }).finish();
}
