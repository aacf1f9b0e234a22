import type { BundleFamily } from './engine.ts';
import { AppError } from './errors.ts';

/** First minor release of Flower 1 of each family, newest first: where the bytes of `flwr build` changed (facts section 5). */
const FIRST_RELEASES: readonly (readonly [minor: number, family: BundleFamily])[] = [
  [28, 4],
  [27, 3],
  [23, 2],
  [18, 1],
];

/** What the newest releases build; for whoever doesn't know better. */
export const NEWEST_FAMILY: BundleFamily = 4;

/** `1.32.1`, `1.32`, and the suffixes of pre-releases as PEP 440 spells them. */
const RELEASE = /^(\d{1,4})\.(\d{1,4})(?:\.\d{1,4})?(?:(?:a|b|rc|\.post|\.dev)\d{1,12})*$/;

/**
 * Family of app bundles that a release of flwr builds; a release that is newer than all that are known: the newest.
 * @throws INVALID_ARGUMENT FLWR_VERSION_INVALID for what is no release, or one before 1.18
 */
export function familyOf(release: string): BundleFamily {
  const [, major, minor] = RELEASE.exec(release) ?? [];
  if (Number(major) > 1) return NEWEST_FAMILY;
  const row = Number(major) === 1 ? FIRST_RELEASES.find(([first]) => Number(minor) >= first) : undefined;
  if (row !== undefined) return row[1];
  throw new AppError('INVALID_ARGUMENT', 'FLWR_VERSION_INVALID', 'That is no release of Flower that fedctl knows.', {
    hint: 'Give one from 1.18 on, for example 1.32.1: pip show flwr tells yours.',
  });
}
