import type { AuditLog, AuditRow } from '../../../src/core/audit.ts';
import { silentLogger } from '../../../src/core/log.ts';
import type { Peer } from '../../../src/core/services.ts';
import { createAuditLog } from '../../../src/server/audit/audit-log.ts';
import { ensureDefault } from '../../../src/server/federations/default.ts';
import { createFederations } from '../../../src/server/federations/index.ts';
import { tokenRoutes } from '../../../src/server/portal/token-endpoint.ts';
import type { Services } from '../../../src/server/rpc/call.ts';
import { handlers } from '../../../src/server/rpc/handlers/index.ts';
import type { Input, MethodName, Output } from '../../../src/server/rpc/methods.ts';
import { createPipeline } from '../../../src/server/rpc/pipeline.ts';
import { createHttps } from '../../../src/server/transport/https.ts';
import { testLimits } from '../../support/echo-server.ts';
import { createFakeEngine } from '../../support/engine-fake.ts';
import type { TestOpenFga } from '../../support/openfga.ts';
import { makeBundle, openRunService } from '../../support/run-service.ts';
import { openAccess } from '../access/fixture.ts';
import type { ExchangeBench } from './exchange-setup.ts';
import { peer } from './setup.ts';

export const LAB = '@lab/default';

/** A control plane with its one path, a token endpoint and an engine in memory. */
export interface Plane {
  readonly port: number;
  readonly services: Services;
  /** Rows of the audit trail, but for those of submits. */
  readonly recorded: readonly AuditRow[];
  call<M extends MethodName>(token: string, method: M, input: Input<M>): Promise<Output<M>>;
  /** A form to the token endpoint. */
  post(form: Record<string, string> | [string, string][], headers?: Record<string, string>): Promise<Response>;
  close(): Promise<void>;
}

export async function openPlane(bench: ExchangeBench, fga: Pick<TestOpenFga, 'url'>): Promise<Plane> {
  const fixture = await openAccess(fga);
  const { store, clock } = bench;
  await ensureDefault({ store, id: LAB, engine: 'main', clock, log: silentLogger });
  const party = openRunService(store, createFakeEngine());
  await party.service.start();
  const log = createAuditLog({ rows: store, log: silentLogger });
  await log.start();
  const recorded: AuditRow[] = [];
  const audit: AuditLog = {
    record: (row) => log.record(row).then(() => void recorded.push(row)),
    recordGrouped: (row) => log.recordGrouped(row).then(() => void recorded.push(row)),
  };
  const services = {
    ...{ sessions: bench.sessions, exchange: bench.exchange, accounts: store, audit, clock, log: silentLogger },
    ...{ checker: fixture.access.checker, grants: fixture.access.grants, queries: store },
    runs: { ...party.runs, verifyBundle: async (content: Uint8Array) => makeBundle(Buffer.from(content).toString()) },
    federations: createFederations({ store, clock }),
    streams: { enter: () => () => undefined },
    facts: { defaultFederation: LAB, issuerAliases: { [bench.idp.issuer]: 'test' }, engines: ['main'] },
  } as unknown as Services;
  const dispatch = createPipeline(services, handlers);
  const by = (credentials: string, from: Peer) => ({
    peer: from,
    signal: new AbortController().signal,
    credentials: () =>
      credentials ? { kind: 'bearer' as const, accessToken: credentials } : { kind: 'none' as const },
    accepted: () => undefined,
  });
  const https = createHttps({
    certificates: undefined,
    host: '127.0.0.1',
    port: 0,
    routes: tokenRoutes({
      call: (method, input, from) => dispatch({ ...by('', from), method, input: async () => input }),
    }),
    limits: testLimits(),
    log: silentLogger,
  });
  const port = await https.listen();
  return {
    port,
    services,
    recorded,
    call: (token, method, input) => dispatch({ ...by(token, peer), method, input: async () => input }).result,
    post: (form, headers = {}) =>
      fetch(`http://127.0.0.1:${port}/oauth/token`, { method: 'POST', body: new URLSearchParams(form), headers }),
    async close() {
      await https.close();
      await party.service.stop();
      await log.stop();
      await fixture.close();
    },
  };
}
