import { AppError } from '../../core/errors.ts';
import type { Setting } from './kinds.ts';
import { SETTINGS } from './settings.ts';
import type { TemplateValues } from './template.ts';

/** What `server init` was told. */
export interface InitAnswers {
  readonly issuer?: string | undefined;
  readonly clientId?: string | undefined;
  readonly openfga?: string | undefined;
  /** `host:port` */
  readonly engine?: string | undefined;
  /** Issuer, subject, issuer, subject, ... */
  readonly admins: readonly string[];
}

/**
 * The answers as values of the template, each checked as the loader would.
 * @throws INVALID_ARGUMENT USAGE
 */
export function initValues({ issuer, clientId, openfga, engine, admins }: InitAnswers): TemplateValues {
  const { oidc, openfga: fga, engine: engines, access } = SETTINGS;
  const pairs = admins.flatMap((one, index) => (index % 2 === 0 ? [{ issuer: one, subject: admins[index + 1] }] : []));
  for (const pair of pairs) checked('--admin', oidc.issuer, pair.issuer);
  return {
    server: { 'tls-cert': 'tls.crt', 'tls-key': 'tls.key' },
    oidc: {
      alias: 'main',
      issuer: checked('--issuer', oidc.issuer, issuer),
      'client-id': checked('--client-id', oidc['client-id'], clientId),
      'client-secret-file': 'client-secret',
    },
    openfga: { url: checked('--openfga', fga.url, openfga) },
    engine: { address: checked('--engine', engines.address, engine) },
    access: pairs.length > 0 ? { admins: checked('--admin', access.admins, pairs) } : {},
  };
}

function checked<T>(flag: string, setting: Setting<unknown>, value: T | undefined): T | undefined {
  if (value === undefined) return undefined;
  const parsed = setting.parse(value, { dir: '.' });
  if (parsed.ok) return value;
  throw new AppError('INVALID_ARGUMENT', 'USAGE', `${flag} ${parsed.problem}.`, {
    hint: 'See: fedctl server init --help',
  });
}

/** What is left to do by hand. */
export function nextSteps(configFile: string): readonly string[] {
  return [
    `Fill in what is still a comment but required in ${configFile}.`,
    'Put the certificate and its key beside it as tls.crt and tls.key, and the OIDC client secret as client-secret (both chmod 600).',
    `Look whether all is in order: fedctl server start --config ${configFile} --check`,
    `Start: fedctl server start --config ${configFile}`,
  ];
}
