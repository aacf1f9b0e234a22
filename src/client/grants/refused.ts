import { AppError } from '../../core/errors.ts';

const WHY =
  'It carries tokens in web addresses, where browsers, proxies and logs keep them; OAuth 2.1 and RFC 9700 have taken it out.';
const INSTEAD = 'Use --grant code in a browser on this machine, or --grant device_code in one on any other device.';

/** Grants that other programs know and this one refuses, with the reason. */
const REFUSED: Readonly<Record<string, string>> = { implicit: WHY, 'implicit-id': WHY };

/** @throws INVALID_ARGUMENT GRANT_REFUSED for a grant that is known and refused */
export function refuseGrant(name: string): void {
  const why = Object.hasOwn(REFUSED, name) ? REFUSED[name] : undefined;
  if (why === undefined) return;
  throw new AppError('INVALID_ARGUMENT', 'GRANT_REFUSED', `The ${name} grant is refused. ${why}`, { hint: INSTEAD });
}
