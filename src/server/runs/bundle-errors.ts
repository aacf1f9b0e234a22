import { AppError } from '../../core/errors.ts';
import { plainText } from '../../core/text.ts';

/** Reasons why a bundle is refused; each is documented in docs/errors.md. */
export type BundleReason =
  | 'BUNDLE_TOO_LARGE'
  | 'BUNDLE_NOT_A_ZIP'
  | 'BUNDLE_ENTRY_UNSAFE'
  | 'BUNDLE_ENTRY_DUPLICATE'
  | 'BUNDLE_ENTRY_FORBIDDEN'
  | 'BUNDLE_BOMB'
  | 'BUNDLE_DAMAGED'
  | 'BUNDLE_MANIFEST_MISMATCH'
  | 'BUNDLE_PROJECT_INVALID';

/** An INVALID_ARGUMENT that says what is wrong with the bundle. Names of entries come from the peer: they are made safe here. */
export function bundleError(
  reason: BundleReason,
  message: string,
  hint = 'Build the bundle again with `fedctl build`.',
) {
  return new AppError('INVALID_ARGUMENT', reason, message, { hint });
}

/** A name from inside the bundle, as it may stand in a message. */
export function quoted(name: string): string {
  return `"${plainText(name, 120)}"`;
}
