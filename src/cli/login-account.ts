import type { Endpoint } from '../client/endpoint.ts';
import type { LoginDemands } from '../client/grants/types.ts';
import { listAccounts, switchAccount } from '../credentials/accounts.ts';
import { readLoginSettings } from '../credentials/login-settings.ts';
import { caPin, type ServerKind, type StorageKind } from '../credentials/records.ts';
import type { ChosenStorage, CredentialFile } from '../credentials/types.ts';
import type { Connection } from '../project/connections.ts';
import type { Context } from './context.ts';
import { credentialOptions, type LoginKeeping, openLoginStore } from './login-store.ts';
import { checkKept, chooseStorage } from './storage.ts';
import { safeLine } from './text.ts';

/** Whose login it is, and how it is kept, as the command says it. */
export interface KeepingInput {
  readonly storage: string | undefined;
  /** What the login is called here; undefined: it takes the place of the active one. */
  readonly account: string | undefined;
}

interface Place {
  readonly context: Context;
  readonly connection: Connection;
  readonly endpoint: Endpoint;
}

/** How a new login is kept, and what beside. @throws as {@link chooseStorage} */
export async function keepingOf(place: Place, { storage: typed, account }: KeepingInput) {
  const { context, connection, endpoint } = place;
  const options = credentialOptions(context, connection, endpoint.rootCertificates);
  const storage = await chooseStorage(context, { connection, options, typed });
  return { storage, ...(account === undefined ? {} : { beside: account }) } satisfies LoginKeeping;
}

/** The login of one account, wherever it is now or would be; the active one where none is named. */
export async function storeOfAccount(
  { context, connection, endpoint }: Place,
  account: string | undefined,
  kind?: ServerKind,
): Promise<CredentialFile> {
  const { rootCertificates } = endpoint;
  const options = credentialOptions(context, connection, rootCertificates);
  const active = account === undefined ? undefined : (await listAccounts(options)).find((one) => one.isActive);
  const keeping = account === undefined || active?.name === account ? {} : { account };
  return openLoginStore(context, connection, rootCertificates, kind, keeping);
}

/** What was done about a login that stands. */
export interface StandingUse {
  /** How it is kept now. */
  readonly storage: StorageKind;
  /** It was kept in another way before. */
  readonly moved: boolean;
  /** Another login of the connection was the active one before. */
  readonly switched: boolean;
}

/** A login that stands is the one that commands use from now on, kept as was asked. `before`: how it is kept. */
export async function useStanding(
  at: Place,
  { input, chosen, before }: { input: KeepingInput; chosen: ChosenStorage; before: StorageKind },
): Promise<StandingUse> {
  const switched = input.account !== undefined && (await switchTo(at, input.account));
  const storage = input.storage === undefined ? before : await moveStanding(at, input.storage, chosen);
  return { storage, moved: storage !== before, switched };
}

/** True where it was not the active one. */
async function switchTo({ context, connection, endpoint }: Place, account: string): Promise<boolean> {
  const options = credentialOptions(context, connection, endpoint.rootCertificates);
  const active = (await listAccounts(options)).find((one) => one.isActive);
  await switchAccount(options, account);
  return active?.name !== account;
}

/** How it is kept then. `typed`: how it was asked for; `storage`: what is to be had of that. */
async function moveStanding(at: Place, typed: string, storage: ChosenStorage): Promise<StorageKind> {
  const { context, connection, endpoint } = at;
  const { rootCertificates } = endpoint;
  const store = openLoginStore(context, connection, rootCertificates, undefined, { storage });
  const place = { path: store.path, origin: connection.address, caPin: caPin(rootCertificates) };
  checkKept(context, storage, readLoginSettings(place).grant ?? '');
  for (const warning of await store.prepare()) context.note(safeLine(warning));
  const login = await store.read();
  if (login === undefined) return storage.kind;
  if (storage.kind !== typed && login.storage !== 'file') {
    context.note(`The login stays as it is kept: ${login.storage}.`);
    return login.storage;
  }
  const moved = openLoginStore(context, connection, rootCertificates, login.kind, { storage });
  await moved.withLock(async (locked) => {
    const now = await locked.read();
    if (now === undefined) return;
    const expiresIn = Math.max(0, Math.floor(now.expiresInMs / 1000));
    await locked.write({ ...now, expiresIn });
  });
  return storage.kind;
}

/** The provider's browser session may still be that of the account which is active: then it has to ask who this is. */
export async function demandsFor(
  { context, connection, endpoint }: Place,
  { account, demands }: { readonly account: string | undefined; readonly demands: LoginDemands },
): Promise<LoginDemands> {
  if (account === undefined || demands.prompt !== '') return demands;
  const others = await listAccounts(credentialOptions(context, connection, endpoint.rootCertificates));
  return others.some((one) => one.name !== account) ? { ...demands, prompt: 'login' } : demands;
}
