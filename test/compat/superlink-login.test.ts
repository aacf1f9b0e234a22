import { superlinkLogin } from '../support/superlink-login.ts';

superlinkLogin('grpc');
superlinkLogin('http');
