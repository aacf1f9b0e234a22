import { bareSuperlink } from '../support/bare-superlink.ts';

// Over gRPC with TLS, over HTTP without. 1.24.0 and others: test/compat.
bareSuperlink('1.32.1', { tls: true });
bareSuperlink('1.41.0');
