import type { Headers, WireAnswers } from './binding.ts';
import { announcedMinor } from './flower-releases.ts';

/** What flwr up to 1.32 compares for equality, or matches at its start (flower facts, 1.2); later ones print it as it is. */
export const flowerAnswers: WireAnswers = {
  RUN_NOT_FOUND: { text: 'Run ID not found' },
  NODE_NOT_FOUND: { text: 'Node ID not found for account' },
  NODE_KEY_TAKEN: { code: 'FAILED_PRECONDITION', text: 'Public key already in use' },
  NODE_KEY_INVALID: { code: 'FAILED_PRECONDITION', text: 'The provided public key is not valid' },
  // Its text begins as flwr matches it: `Federation '...' does not exist`.
  FEDERATION_NOT_FOUND: { code: 'FAILED_PRECONDITION' },
  // Statuses that flwr 1.24 to 1.26 print as error objects; of this one every release from 1.24 on prints the sentence.
  NOT_FOUND: { code: 'FAILED_PRECONDITION' },
  INVALID_ARGUMENT: { code: 'FAILED_PRECONDITION' },
  ALREADY_EXISTS: { code: 'FAILED_PRECONDITION' },
  RESOURCE_EXHAUSTED: { code: 'FAILED_PRECONDITION' },
  ABORTED: { code: 'FAILED_PRECONDITION' },
};

/** Of releases before 1.33: they have sentences of their own for these. */
const RUN_NOT_FINISHED = { code: 'FAILED_PRECONDITION', text: 'Cannot pull artifacts for an unfinished run' } as const;
/** Of releases before 1.30: they print no other text of this status. */
const NO_ARTIFACTS = { code: 'UNIMPLEMENTED', text: 'ControlServicer initialized without artifact provider' } as const;

/** Before 1.30, the releases that announce none. */
const silent: WireAnswers = {
  ...flowerAnswers,
  RUN_NOT_FINISHED,
  ARTIFACTS_NOT_CONFIGURED: NO_ARTIFACTS,
  // UNIMPLEMENTED makes them doubt the address.
  NOT_SERVED: { code: 'FAILED_PRECONDITION' },
};

/** flwr prints no hints: what to do stands in the text. */
const ARTIFACTS_NOT_CONFIGURED = {
  code: 'UNIMPLEMENTED',
  text: 'Artifacts are not configured on this server: whoever runs it sets dir under [artifacts] in server.toml.',
} as const;

/** 1.30 to 1.32 print any text that they have no sentence for. */
const mapped: WireAnswers = { ...flowerAnswers, RUN_NOT_FINISHED, ARTIFACTS_NOT_CONFIGURED };

/** 1.33 and later print what the server says. */
const plain: WireAnswers = { ...flowerAnswers, ARTIFACTS_NOT_CONFIGURED };

/** 1.18 to 1.20: of PERMISSION_DENIED, 1.18 prints an error object and never ends. */
export const execAnswers: WireAnswers = { ...silent, LOGIN_DENIED: { code: 'UNAUTHENTICATED' } };

/** The answers for one gRPC call, by the release that its headers announce. */
export function grpcAnswers(headers: Headers): WireAnswers {
  const minor = announcedMinor(headers);
  if (minor === undefined) return silent;
  return minor < 33 ? mapped : plain;
}
