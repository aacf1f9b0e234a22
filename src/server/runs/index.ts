export { createRunService, type RunParty, type RunServiceOptions } from './service.ts';
export type { Failpoint } from './submit.ts';
