import { bareSuperlink } from '../support/bare-superlink.ts';

for (const release of ['1.24.0', '1.32.1', '1.41.0']) bareSuperlink(release);
