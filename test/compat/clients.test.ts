import { afterAll, beforeAll } from '@jest/globals';
import { type CompatStage, clientOf, setCompatStage } from '../support/compat-clients.ts';

/** The releases that were named, or one of every kind (docs/compatibility.md). */
const RELEASES = process.env.FEDCTL_COMPAT_RELEASES?.split(',') ?? [
  '1.18.0',
  '1.22.0',
  '1.25.0',
  '1.26.1',
  '1.32.1',
  '1.41.0',
];

let stage: CompatStage;

beforeAll(async () => {
  stage = await setCompatStage();
}, 180_000);
afterAll(async () => stage?.close(), 60_000);

for (const release of RELEASES) clientOf(release, () => stage);
