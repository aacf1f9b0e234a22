import type { FlowerControl } from '../../flower/control.ts';
import { createFamily } from '../../flower/family.ts';
import { rpcs } from '../../flower/rpcs.ts';
import type { Remote } from '../remote.ts';
import { superlinkFederations } from './federations.ts';
import { readSuperlinkLog } from './logs.ts';
import { superlinkRuns } from './runs.ts';
import { aboutRun, type SuperlinkSession } from './session.ts';

/**
 * A SuperLink on its own, over Flower's Control API, in the words of fedctl.v1. It knows no request ids: an upload whose
 * answer was lost is not repeated, and `mine` of a list says nothing.
 */
export function superlinkRemote({ session, control }: { session: SuperlinkSession; control: FlowerControl }): Remote {
  const askFamily = createFamily(control);
  const family = () =>
    askFamily().catch(async (error: unknown) => {
      throw await session.explain(error);
    });
  const runs = superlinkRuns(session, family);
  return {
    kind: 'superlink',
    startRun: runs.start,
    listRuns: runs.list,
    stopRun: runs.stop,
    readLog: (request) => readSuperlinkLog({ session, findRun: runs.find }, request),
    async pullArtifacts({ runId }) {
      const { url = '' } = await session.call(rpcs.pullArtifacts, { runId }).catch((error) => {
        throw aboutRun(runId, error);
      });
      return { url, expiresIn: 0 };
    },
    ...superlinkFederations(session, family),
    bundleFamily: family,
  };
}
