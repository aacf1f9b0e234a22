import { string } from '@oclif/core/flags';

/** `--flwr-version`: bundles as that release of Flower does; read by familyOf. */
export const flwrVersionFlag = string({
  description: 'bundle the app as this release of Flower does',
  helpValue: 'RELEASE',
});
