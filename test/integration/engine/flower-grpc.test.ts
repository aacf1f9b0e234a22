import { silentLogger } from '../../../src/core/log.ts';
import { openEngine } from '../../../src/server/engine/index.ts';
import { describeEngine } from '../../support/engine-suite.ts';
import { startSuperLink } from '../../support/superlink.ts';

describeEngine('flower-grpc', async () => {
  const link = await startSuperLink();
  const { address, close } = link;
  return {
    open: async () => openEngine({ kind: 'flower-grpc', name: 'test', address, insecure: true, log: silentLogger }),
    close,
  };
});
