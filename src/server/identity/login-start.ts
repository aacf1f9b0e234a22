import type { LoginRequest, Peer, StartedLogin } from '../../core/services.ts';
import type { LoginFlow, LoginKind } from '../../core/sessions.ts';
import type { AskedLogin, Authorization } from './authorization.ts';
import { display } from './claims.ts';
import { grantNotOffered, redirectUriInvalid, requestInvalid } from './failures.ts';
import type { LoginOptions } from './login-options.ts';
import { LOGIN_HANDLE_PREFIX, newOpaque, opaqueHash, sha256 } from './opaque.ts';
import type { Abilities, Provider } from './provider.ts';
import { newUserCode, showUserCode } from './user-codes.ts';

const SECOND = 1000;
const DEFAULT_LIFE_MS = 10 * 60_000;
/** Asking us costs a row's read, not a provider's time. */
const PAGE_INTERVAL_MS = SECOND;

export interface Starting {
  readonly provider: Provider;
  readonly request: LoginRequest;
  readonly peer: Peer;
}

/** What a flow remembers of its start, sealed. */
export interface SealedRequest {
  readonly asked: AskedLogin;
  /** Once there is an authorization request. */
  readonly authorization?: Authorization;
}

type Start = (starting: Starting, options: LoginOptions) => Promise<{ flow: LoginFlow; started: StartedLogin }>;

const STARTS: Readonly<Record<LoginKind, Start>> = { device: startDevice, page: startPage, code: startCode };

/** @throws FAILED_PRECONDITION GRANT_NOT_OFFERED, INVALID_ARGUMENT REDIRECT_URI_INVALID | REQUEST_INVALID, and as the provider */
export async function startFlow(starting: Starting, options: LoginOptions): ReturnType<Start> {
  const { provider, request } = starting;
  checkRequest(request);
  const kind = kindOf(provider, request.grant, await provider.abilities(), options);
  return STARTS[kind](starting, options);
}

/** Where a provider has both, its setting decides whether our page stands in front. */
function kindOf(
  provider: Provider,
  grant: LoginRequest['grant'],
  abilities: Abilities,
  { providers }: LoginOptions,
): LoginKind {
  const [offered] = kindsOf(provider, abilities, providers.size).filter(
    (kind) => (kind === 'code') === (grant === 'code'),
  );
  if (offered) return offered;
  throw grantNotOffered();
}

/** The kinds of flow that a provider can serve. */
export function kindsOf({ page }: Pick<Provider, 'page'>, abilities: Abilities, issuers: number): readonly LoginKind[] {
  const device = page !== 'always' && abilities.device;
  return [
    ...(device ? (['device'] as const) : []),
    ...(!device && page !== 'never' && abilities.code ? (['page'] as const) : []),
    // At the loopback listener all issuers have one redirect URI: then only their name keeps answers apart (BC-07).
    ...(abilities.code && (issuers === 1 || abilities.namesIssuer) ? (['code'] as const) : []),
  ];
}

const MAX_ITEMS = 20;
/** RFC 6749 appendix A.4; what `acr_values` and scopes are made of. */
const TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/;

function checkRequest({ scopes, acrValues, loginHint }: LoginRequest): void {
  for (const [name, list] of Object.entries({ scopes, acrValues }))
    if (list.length > MAX_ITEMS || !list.every((item) => TOKEN.test(item)))
      throw requestInvalid(`The ${name === 'scopes' ? 'scopes' : 'acr values'} of the login can not be asked for.`);
  if (loginHint.length > 255) throw requestInvalid('The login hint is too long.');
}

async function startDevice(starting: Starting, options: LoginOptions): ReturnType<Start> {
  const asked = askedOf(starting.request);
  const device = await starting.provider.startDevice(asked);
  const base = newFlow('device', starting, options);
  const lifeMs = Math.min(device.expiresInMs, lifeOf(options));
  const flow: LoginFlow = {
    ...base.flow,
    sealedDeviceCode: options.vault.seal(device.deviceCode, 'device-code', base.flow.handleHash),
    sealedRequest: seal({ asked }, base.flow.handleHash, options),
    expiresAt: base.flow.startedAt + lifeMs,
    intervalMs: device.intervalMs,
    nextPollAt: base.flow.startedAt + device.intervalMs,
  };
  const { userCode, verificationUri, verificationUriComplete } = device;
  return { flow, started: startedLogin(flow, base.handle, { userCode, verificationUri, verificationUriComplete }) };
}

async function startPage(starting: Starting, options: LoginOptions): ReturnType<Start> {
  const { handle, flow: base } = newFlow('page', starting, options);
  const userCode = newUserCode();
  const sealedRequest = seal({ asked: askedOf(starting.request) }, base.handleHash, options);
  const flow = { ...base, userCode, sealedRequest };
  const verificationUri = `${options.publicUrl}/device`;
  const shown = showUserCode(userCode);
  const verificationUriComplete = `${verificationUri}?code=${shown}`;
  return { flow, started: startedLogin(flow, handle, { userCode: shown, verificationUri, verificationUriComplete }) };
}

async function startCode(starting: Starting, options: LoginOptions): ReturnType<Start> {
  const { redirectUri } = starting.request;
  if (!isLoopbackRedirect(redirectUri)) throw redirectUriInvalid();
  const asked = askedOf(starting.request);
  const { url, authorization } = await starting.provider.authorize(asked, redirectUri);
  const { handle, flow: base } = newFlow('code', starting, options);
  const sealedRequest = seal({ asked, authorization }, base.handleHash, options);
  const flow = { ...base, sealedRequest, stateHash: sha256(authorization.state) };
  return { flow, started: { ...startedLogin(flow, handle, NO_PAGE), authorizationUrl: url } };
}

const NO_PAGE = { userCode: '', verificationUri: '', verificationUriComplete: undefined };

/** RFC 8252 section 7.3: this machine and any port; nothing else may get a code. */
export function isLoopbackRedirect(text: string): boolean {
  return (
    /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(:[1-9]\d{0,4})?\/oauth\/callback$/.test(text) && URL.canParse(text)
  );
}

function newFlow(kind: LoginKind, { provider, request, peer }: Starting, options: LoginOptions) {
  const handle = newOpaque(LOGIN_HANDLE_PREFIX);
  const now = options.clock.now();
  const flow: LoginFlow = {
    handleHash: opaqueHash(handle, LOGIN_HANDLE_PREFIX) ?? '',
    kind,
    state: 'pending',
    issuerAlias: provider.alias,
    sealedDeviceCode: '',
    sealedRequest: '',
    sealedResult: undefined,
    failure: '',
    userCode: undefined,
    stateHash: undefined,
    browserHash: undefined,
    startedAt: now,
    expiresAt: now + lifeOf(options),
    intervalMs: PAGE_INTERVAL_MS,
    nextPollAt: now,
    client: display(request.client),
    host: display(request.host),
    address: peer.address,
  };
  return { handle, flow };
}

const lifeOf = ({ limits }: LoginOptions): number => limits.lifeMs ?? DEFAULT_LIFE_MS;

function askedOf({ prompt, scopes, maxAge, acrValues, loginHint }: LoginRequest): AskedLogin {
  return { prompt, scopes, maxAge, acrValues, loginHint };
}

export function seal(request: SealedRequest, handleHash: string, { vault }: Pick<LoginOptions, 'vault'>): string {
  return vault.seal(JSON.stringify(request), 'login-request', handleHash);
}

const NOTHING_ASKED: AskedLogin = { prompt: '', scopes: [], maxAge: undefined, acrValues: [], loginHint: '' };

export function requestOf(
  { sealedRequest, handleHash }: LoginFlow,
  { vault }: Pick<LoginOptions, 'vault'>,
): SealedRequest {
  // A login that began before these were kept asked for nothing.
  if (sealedRequest === '') return { asked: NOTHING_ASKED };
  const request: SealedRequest = JSON.parse(vault.open(sealedRequest, 'login-request', handleHash));
  return { ...request, asked: { ...NOTHING_ASKED, ...request.asked } };
}

function startedLogin(
  flow: LoginFlow,
  handle: string,
  shown: Pick<StartedLogin, 'userCode' | 'verificationUri' | 'verificationUriComplete'>,
): StartedLogin {
  return {
    ...shown,
    handle,
    expiresIn: Math.floor((flow.expiresAt - flow.startedAt) / SECOND),
    interval: Math.ceil(flow.intervalMs / SECOND),
    issuerAlias: flow.issuerAlias,
    authorizationUrl: '',
  };
}
