import { silentLogger } from '../../src/core/log.ts';
import { openEngine } from '../../src/server/engine/index.ts';
import { describeEngine } from '../support/engine-suite.ts';
import { startSuperLink } from '../support/superlink.ts';

describeEngine('flower-grpc, 1.32.1', async () => {
  const link = await startSuperLink();
  const { address } = link;
  const kind = 'flower-grpc';
  return { link, open: async () => openEngine({ kind, name: 'test', address, insecure: true, log: silentLogger }) };
});
