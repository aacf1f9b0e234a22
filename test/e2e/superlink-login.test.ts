import { superlinkLogin } from '../support/superlink-login.ts';

// Over gRPC: test/compat.
superlinkLogin('http');
