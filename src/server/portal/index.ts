import type { Clock } from '../../core/clock.ts';
import type { Route } from '../transport/https.ts';
import type { PageCall } from './calls.ts';
import { createBrowsers } from './cookies.ts';
import { deviceRoutes } from './device.ts';
import { logoutRoutes } from './logout.ts';
import { createPages } from './page.ts';

export type { PageCall } from './calls.ts';

/**
 * What browsers see of this server: the device page, the way back from identity providers, and the end of a logout. Each
 * request is a method through the pipeline; nothing here knows how it is done.
 */
export function portalRoutes(options: { call: PageCall; publicUrl: string; clock: Clock }): readonly Route[] {
  const { call, publicUrl, clock } = options;
  const server = new URL(publicUrl).host;
  const pages = createPages({ server });
  const browsers = createBrowsers({ publicUrl });
  return [...deviceRoutes({ call, pages, browsers, server, clock }), ...logoutRoutes({ call, pages })];
}
