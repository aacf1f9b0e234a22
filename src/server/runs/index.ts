export { createRunService, type RunParty, type RunServiceOptions } from './service.ts';
export { DEFAULT_RUN_SETTINGS, type RunSettings } from './settings.ts';
export type { Failpoint, ReachFailpoint } from './submit.ts';
