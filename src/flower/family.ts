import type { BundleFamily } from '../core/engine.ts';
import type { FlowerControl, FlowerRpc } from './control.ts';
import { isFlowerFailure } from './failure.ts';
import { isMethodUnknown } from './grpc-errors.ts';
import { rpcs } from './rpcs.ts';
import { shapesOf } from './shapes.ts';

const PROBE_MS = 10_000;
/** No federation can be called so: ids are "@owner/name". */
const NO_FEDERATION = 'fedctl-asks-for-the-release';

/**
 * Which releases a SuperLink belongs to, by the calls that it has (flower/facts section 0): it doesn't tell its version.
 * One question for a new one, at most three. @throws FlowerFailure where no answer came
 */
export async function probeFamily(control: FlowerControl, signal?: AbortSignal): Promise<BundleFamily> {
  if (control.transport === 'http') return 4;
  const knows = async <Request>(rpc: FlowerRpc<Request, unknown>, request: Request): Promise<boolean> => {
    try {
      await control.call(rpc, request, { timeoutMs: PROBE_MS, ...(signal && { signal }) });
      return true;
    } catch (failure) {
      if (!isFlowerFailure(failure) || failure.kind !== 'refused') throw failure;
      return !isMethodUnknown(failure);
    }
  };
  const { configureSimulationFederation, listInvitations } = rpcs;
  if (await knows(configureSimulationFederation, { federationName: NO_FEDERATION, config: undefined })) return 4;
  if (await knows(listInvitations, {})) return 3;
  return (await knows(shapesOf(2).listFederations, {})) ? 2 : 1;
}

/** The family of whatever stands behind a control; asked again only after a lost connection. @throws FlowerFailure */
export function createFamily(control: FlowerControl): (signal?: AbortSignal) => Promise<BundleFamily> {
  let known: { readonly losses: number; readonly family: Promise<BundleFamily> } | undefined;
  return (signal) => {
    const losses = control.losses();
    if (known?.losses === losses) return known.family;
    const asked = { losses, family: probeFamily(control, signal) };
    known = asked;
    asked.family.catch(() => {
      if (known === asked) known = undefined;
    });
    return asked.family;
  };
}
