import type { TokenPair } from '../../../core/services.ts';
import * as proto from '../../../gen/fedctl/v1/sessions.ts';
import { type Binding, bind, KiB } from './binding.ts';

const SERVICE = '/fedctl.v1.Sessions';
const unary = { kind: 'unary', maxBytes: 64 * KiB } as const;

export const sessionBindings: readonly Binding[] = [
  bind<'server.info'>({
    ...unary,
    path: `${SERVICE}/GetServerInfo`,
    method: 'server.info',
    decode: ([message]) => proto.GetServerInfoRequest.decode(one(message)),
    encode: (info) =>
      proto.GetServerInfoResponse.encode({
        version: info.version,
        issuer: info.issuer,
        loginRequired: true,
        timeMs: BigInt(Math.round(info.now)),
        bundleFamily: info.bundleFamily,
        maxBundleBytes: BigInt(info.maxBundleBytes),
        defaultFederation: info.defaultFederation,
        components: info.components.map((component) => ({ ...component })),
      }).finish(),
  }),
  bind<'session.renew'>({
    ...unary,
    path: `${SERVICE}/Renew`,
    method: 'session.renew',
    decode: ([message]) => proto.RenewRequest.decode(one(message)),
    encode: (tokens) => proto.RenewResponse.encode({ tokens: pair(tokens) }).finish(),
  }),
  bind<'session.logout'>({
    ...unary,
    path: `${SERVICE}/Logout`,
    method: 'session.logout',
    decode: ([message]) => proto.LogoutRequest.decode(one(message)),
    encode: (output) => proto.LogoutResponse.encode(output).finish(),
  }),
  bind<'session.whoami'>({
    ...unary,
    path: `${SERVICE}/WhoAmI`,
    method: 'session.whoami',
    decode: () => ({}),
    encode: (me) =>
      proto.WhoAmIResponse.encode({
        kind: me.account.kind,
        account: me.account.handle,
        displayName: me.account.displayName,
        email: me.account.email,
        issuer: me.account.issuer,
        subject: me.account.subject,
        principal: me.account.principal,
        sessionId: me.sessionId,
        sessionIdleExpiresIn: BigInt(me.idleExpiresIn),
        sessionExpiresIn: BigInt(me.expiresIn),
        authenticatedAgo: BigInt(me.authenticatedAgo),
        groups: [...me.groups],
        federation: me.federation,
        rights: [...me.rights],
      }).finish(),
  }),
];

/** The message of a unary call; an absent one decodes as empty, as proto3 has it. */
export function one(message: Uint8Array | undefined): Uint8Array {
  return message ?? new Uint8Array();
}

export function pair(tokens: TokenPair): proto.TokenPair {
  return {
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken,
    expiresIn: BigInt(tokens.expiresIn),
    sessionId: tokens.sessionId,
    account: tokens.accountHandle,
  };
}
