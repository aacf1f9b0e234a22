import { afterAll, beforeAll } from '@jest/globals';
import { type CompatStage, clientOf, setCompatStage } from '../support/compat-clients.ts';

let stage: CompatStage;

beforeAll(async () => {
  stage = await setCompatStage();
}, 180_000);
afterAll(async () => stage?.close(), 60_000);

// 1.32.1 has flwr.test.ts, 1.41.0 flwr-http.test.ts; all others: test/compat.
clientOf('1.25.0', () => stage);
