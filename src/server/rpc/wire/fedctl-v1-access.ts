import * as proto from '../../../gen/fedctl/v1/access.ts';
import type { SeenGrant } from '../methods.ts';
import { type Binding, bind, KiB } from './binding.ts';
import { one } from './fedctl-v1-sessions.ts';
import { rfc3339 } from './times.ts';

const SERVICE = '/fedctl.v1.Access';
const unary = { kind: 'unary', maxBytes: 64 * KiB } as const;

export const accessBindings: readonly Binding[] = [
  bind<'access.grant'>({
    ...unary,
    path: `${SERVICE}/Grant`,
    method: 'access.grant',
    decode: ([message]) => proto.GrantRequest.decode(one(message)),
    encode: ({ grant, unchanged }) => proto.GrantResponse.encode({ grant: toWire(grant), unchanged }).finish(),
  }),
  bind<'access.revoke'>({
    ...unary,
    path: `${SERVICE}/Revoke`,
    method: 'access.revoke',
    decode: ([message]) => proto.RevokeRequest.decode(one(message)),
    encode: (output) => proto.RevokeResponse.encode(output).finish(),
  }),
  bind<'access.grants'>({
    ...unary,
    path: `${SERVICE}/ListGrants`,
    method: 'access.grants',
    decode: ([message]) => proto.ListGrantsRequest.decode(one(message)),
    encode: ({ grants }) => proto.ListGrantsResponse.encode({ grants: grants.map(toWire) }).finish(),
  }),
  bind<'access.whois'>({
    ...unary,
    path: `${SERVICE}/WhoIs`,
    method: 'access.whois',
    decode: ([message]) => proto.WhoIsRequest.decode(one(message)),
    encode: ({ accounts }) =>
      proto.WhoIsResponse.encode({
        accounts: accounts.map((account) => ({
          ...account,
          account: account.handle,
          lastLoginAt: rfc3339(account.lastLoginAt),
        })),
      }).finish(),
  }),
  bind<'access.can'>({
    ...unary,
    path: `${SERVICE}/Can`,
    method: 'access.can',
    decode: ([message]) => proto.CanRequest.decode(one(message)),
    encode: (output) => proto.CanResponse.encode(output).finish(),
  }),
];

function toWire(grant: SeenGrant): proto.GrantInfo {
  return {
    principal: grant.principal,
    who: grant.who,
    role: grant.role,
    object: grant.object,
    until: rfc3339(grant.until),
    tuple: `${grant.principal} ${grant.role} ${grant.object}`,
  };
}
