import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StackFacts } from '../../../src/dev/stack.ts';
import type { KeycloakOptions } from '../../support/keycloak.ts';

/** What all files of the suite share (see `start.ts`). */
export interface Stage {
  readonly folder: string;
  readonly stack: StackFacts;
  /** As Keycloak was started, for starting it again. */
  readonly keycloak: KeycloakOptions;
  readonly issuer: string;
  readonly origin: string;
}

export function sharedStage(): Stage {
  return JSON.parse(process.env.FEDCTL_TEST_KEYCLOAK ?? '') as Stage;
}

/** A test may stop Keycloak and start it again: the file says which process is to be ended. */
export function savePid(folder: string, pid: number): void {
  writeFileSync(join(folder, 'keycloak.pid'), String(pid));
}

export function savedPid(folder: string): number | undefined {
  const file = join(folder, 'keycloak.pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
}
