import { randomUUID } from 'node:crypto';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { AppError } from '../../../core/errors.ts';
import { StartRunRequest } from '../../../gen/flwr/proto/control.ts';
import type { StartRunInput } from '../methods.ts';
import { KiB } from './binding.ts';
import { namedFederation } from './flower-federation-names.ts';
import { federationOptions } from './flower-options.ts';
import { fromWireConfig } from './scalars.ts';

/** Everything but the bundle's bytes: a few bytes can ask for an object each, so that only the bundle may be large. */
const MAX_BESIDE_BUNDLE = 256 * KiB;
const FAB_FIELD = 1;
const CONTENT_FIELD = 2;
const LENGTH_DELIMITED = 2;

/** A submission of flwr's. @throws UNIMPLEMENTED NOT_SERVED for what only Flower's own services have */
export function startInput(message: Uint8Array): StartRunInput {
  boundBesideBundle(message);
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

function boundBesideBundle(message: Uint8Array): void {
  let left = MAX_BESIDE_BUNDLE;
  const spend = (bytes: number) => {
    left -= bytes;
    if (left >= 0) return;
    const text = `Beside its bundle a submission has at most ${MAX_BESIDE_BUNDLE} bytes.`;
    throw new AppError('RESOURCE_EXHAUSTED', 'REQUEST_TOO_LARGE', text);
  };
  const read = (bytes: Uint8Array, large: number, into?: (content: Uint8Array) => void) => {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const start = reader.pos;
      const [field, type] = reader.tag();
      if (field === large && type === LENGTH_DELIMITED) {
        const content = reader.bytes();
        spend(reader.pos - start - content.length);
        into?.(content);
      } else {
        reader.skip(type, field);
        spend(reader.pos - start);
      }
    }
  };
  read(message, FAB_FIELD, (fab) => read(fab, CONTENT_FIELD));
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
