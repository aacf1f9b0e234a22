/** Calls that change nothing, by service: only these may be repeated by the channel. */
const READS: Readonly<Record<string, readonly string[]>> = {
  'fedctl.v1.Sessions': ['GetServerInfo', 'WhoAmI'],
  'fedctl.v1.Runs': ['ListRuns'],
  'fedctl.v1.Federations': ['ListFederations', 'ShowFederation', 'ListInvitations'],
  'fedctl.v1.Supernodes': ['ListSupernodes'],
  'fedctl.v1.Access': ['ListGrants', 'WhoIs', 'Can'],
};

/**
 * gRPC service config (gRFC A6): a read whose connection broke is sent once more after a moment; a restarting server or a
 * balancer that closes connections is then nobody's business. Everything else is repeated where its meaning is known, or not at all.
 */
export const serviceConfig: string = JSON.stringify({
  methodConfig: [
    {
      name: Object.entries(READS).flatMap(([service, methods]) => methods.map((method) => ({ service, method }))),
      retryPolicy: {
        maxAttempts: 2,
        initialBackoff: '0.25s',
        maxBackoff: '0.25s',
        backoffMultiplier: 1,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
});
