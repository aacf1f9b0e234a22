import { bareSuperlink } from '../support/bare-superlink.ts';

bareSuperlink('1.24.0');
bareSuperlink('1.32.1', { tls: true });
bareSuperlink('1.41.0');
