import type { FlowerControl, FlowerEndpoint } from './control.ts';
import { detectFlower, type FlowerTransport, TRANSPORTS } from './detection.ts';
import { isFlowerFailure } from './failure.ts';
import type { FlowerOptions } from './trust.ts';

/** The way to a SuperLink that may be replaced by another release under our feet. */
export interface FlowerLink {
  /** The control that fits as far as is known. @throws FlowerFailure where nobody answers */
  control(): Promise<FlowerControl>;
  /** A call through it failed: where that may mean another transport, it is found out anew before the next call. */
  doubt(failure: unknown): void;
  close(): void;
}

/** Finds out by itself which transport there is, and again after each failure that is not an answer. */
export function openFlowerLink(endpoint: FlowerEndpoint, options: FlowerOptions): FlowerLink {
  let known: { readonly transport: FlowerTransport; readonly control: FlowerControl } | undefined;
  let isSure = false;
  let finding: Promise<FlowerControl> | undefined;

  async function find(): Promise<FlowerControl> {
    const transport = await detectFlower(endpoint, options);
    isSure = true;
    if (known?.transport === transport) return known.control;
    known?.control.close();
    known = { transport, control: TRANSPORTS[transport](endpoint, options) };
    return known.control;
  }

  return {
    control() {
      if (isSure && known !== undefined) return Promise.resolve(known.control);
      finding ??= find().finally(() => {
        finding = undefined;
      });
      return finding;
    },
    doubt(failure) {
      if (isFlowerFailure(failure) && failure.kind !== 'refused' && failure.kind !== 'cancelled') isSure = false;
    },
    close() {
      isSure = false;
      known?.control.close();
      known = undefined;
    },
  };
}

/** The transport is told and stays. */
export function fixedFlowerLink(
  transport: FlowerTransport,
  endpoint: FlowerEndpoint,
  options: FlowerOptions,
): FlowerLink {
  const control = TRANSPORTS[transport](endpoint, options);
  return { control: async () => control, doubt: () => undefined, close: () => control.close() };
}
