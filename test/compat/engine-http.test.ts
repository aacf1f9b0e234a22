import { silentLogger } from '../../src/core/log.ts';
import { openEngine } from '../../src/server/engine/index.ts';
import { describeEngine } from '../support/engine-suite.ts';
import { startSuperLink } from '../support/superlink.ts';

// The transport is found out here, so that the suite proves both ways to open an engine.
describeEngine('flower, 1.41.0 (HTTP)', async () => {
  const link = await startSuperLink({ release: '1.41.0' });
  const { address } = link;
  return {
    link,
    open: async () => openEngine({ kind: 'flower', name: 'test', address, insecure: true, log: silentLogger }),
  };
});
