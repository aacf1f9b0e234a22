import type { Endpoint } from '../client/endpoint.ts';
import type { LoginDemands } from '../client/grants/types.ts';
import { listAccounts, switchAccount } from '../credentials/accounts.ts';
import { readLoginSettings } from '../credentials/login-settings.ts';
import { caPin, type ServerKind } from '../credentials/records.ts';
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

/** A login that stands is the one that commands use from now on, kept as was asked. */
export async function useStanding(at: Place, input: KeepingInput, storage: ChosenStorage): Promise<void> {
  const { context, connection, endpoint } = at;
  const { rootCertificates } = endpoint;
  if (input.account !== undefined) {
    await switchAccount(credentialOptions(context, connection, rootCertificates), input.account);
  }
  if (input.storage === undefined) return;
  const store = openLoginStore(context, connection, rootCertificates, undefined, { storage });
  const place = { path: store.path, origin: connection.address, caPin: caPin(rootCertificates) };
  checkKept(context, storage, readLoginSettings(place).grant ?? '');
  for (const warning of await store.prepare()) context.note(safeLine(warning));
  const login = await store.read();
  if (login === undefined) return;
  if (storage.kind !== input.storage && login.storage !== 'file') {
    context.note(`The login stays as it is kept: ${login.storage}.`);
    return;
  }
  const moved = openLoginStore(context, connection, rootCertificates, login.kind, { storage });
  await moved.withLock(async (locked) => {
    const now = await locked.read();
    if (now === undefined) return;
    const expiresIn = Math.max(0, Math.floor(now.expiresInMs / 1000));
    await locked.write({ ...now, expiresIn });
  });
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
