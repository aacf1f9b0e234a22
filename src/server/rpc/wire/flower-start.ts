import { randomUUID } from 'node:crypto';
import { AppError } from '../../../core/errors.ts';
import { StartRunRequest } from '../../../gen/flwr/proto/control.ts';
import type { StartRunInput } from '../methods.ts';
import { boundBesideBundle } from './beside-bundle.ts';
import { namedFederation } from './flower-federation-names.ts';
import { federationOptions } from './flower-options.ts';
import { fromWireConfig } from './scalars.ts';

/** `fab.content` */
const BUNDLE = [1, 2];

/** A submission of flwr's. @throws UNIMPLEMENTED NOT_SERVED for what only Flower's own services have */
export function startInput(message: Uint8Array): StartRunInput {
  boundBesideBundle([message], BUNDLE);
  const request = StartRunRequest.decode(message);
  refuseUnserved(request);
  return {
    requestId: randomUUID(),
    federation: namedFederation(request.federation),
    bundle: request.fab?.content ?? new Uint8Array(),
    bundleSha256: request.fab?.hashStr ?? '',
    runConfig: fromWireConfig(request.overrideConfig),
    federationConfig: federationOptions(message),
  };
}

function refuseUnserved(request: StartRunRequest): void {
  if (request.appSpec !== '') {
    throw notServed(
      'This server fetches no apps from Flower Hub: download the app with flwr new, then run its folder.',
    );
  }
  if (request.seriesId !== undefined || request.userPrompt !== '') {
    throw notServed('This server runs no agents and no run series: run the app without them.');
  }
  if (request.connectorRefs.length > 0 || request.connectorIds.length > 0) {
    throw notServed('This server has no connectors: run the app without them.');
  }
}

function notServed(text: string): AppError {
  return new AppError('UNIMPLEMENTED', 'NOT_SERVED', text);
}
