import type { GrantName, LoginSettings } from '../credentials/login-settings.ts';
import type { LoginInput } from './login.ts';

type Typed = Pick<LoginInput, 'grant' | 'settings' | 'stdin'>;

/** Settings that only one grant knows. */
const IMPLIED: Readonly<Partial<Record<keyof LoginSettings, GrantName>>> = {
  redirectPort: 'code',
  authority: 'client_credentials',
  clientId: 'client_credentials',
  clientSecretFile: 'client_credentials',
  username: 'password',
  tokenFile: 'ci',
};
const ON_STDIN = { 'client-secret': 'client_credentials', password: 'password', token: 'ci' } as const;

/**
 * The settings of a login: what was typed, and where that is not about another grant what was remembered. `--grant auto`
 * forgets. Flags that only one grant knows name it.
 */
export function settingsOf({ grant, settings, stdin }: Typed, remembered: LoginSettings): LoginSettings {
  if (grant === 'auto') return settings;
  const implied = stdin === undefined ? impliedBy(settings) : ON_STDIN[stdin];
  const wanted = grant ?? implied ?? remembered.grant;
  const base = wanted === remembered.grant || remembered.grant === undefined ? remembered : {};
  return { ...base, ...settings, ...(wanted !== undefined && { grant: wanted }) };
}

function impliedBy(settings: LoginSettings): GrantName | undefined {
  const named = Object.keys(settings).map((key) => IMPLIED[key as keyof LoginSettings]);
  return named.find((grant) => grant !== undefined);
}
