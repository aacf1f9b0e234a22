// SuperLinks and what finds out about servers, behind one door: commands load it only where no login tells them the way.
export { identifyServer, type ServerFound } from '../identify.ts';
export { logInToSuperlink } from './device-login.ts';
export { type OpenedSuperlink, openSuperlink } from './open.ts';
export { proveTokens } from './take-over.ts';
export { newTokens } from './tokens.ts';
