import { type Account, LOCAL_ISSUER } from '../../../core/accounts.ts';
import { AppError } from '../../../core/errors.ts';
import { accountPrincipal, localGroup, userPrincipal } from '../../../core/principals.ts';
import type { Services } from '../call.ts';

export interface Who {
  /** OpenFGA user of a tuple. */
  readonly principal: string;
  /** What to call them. */
  readonly who: string;
}

/**
 * Reads WHO: an account name, e-mail address or subject that is known here; "ISSUER SUBJECT" (also of somebody who
 * never logged in); `group:NAME`; `service-account:NAME`, also of one that was never used; or a principal id as `admin whois`
 * prints it.
 * @throws NOT_FOUND WHO_UNKNOWN, FAILED_PRECONDITION WHO_AMBIGUOUS
 */
export async function resolveWho(services: Services, text: string): Promise<Who> {
  const trimmed = text.trim();
  const group = /^group:([^|]{1,200})$/s.exec(trimmed)?.[1];
  if (group) return { principal: `${localGroup(group)}#member`, who: `group:${group}` };
  const machine = /^service-account:([A-Za-z0-9_][A-Za-z0-9_-]{0,62})$/.exec(trimmed)?.[1];
  if (machine) return { principal: serviceAccount(machine), who: trimmed };
  if (/^(user|service_account):[A-Za-z0-9._-]+\|[A-Za-z0-9._%|-]+$/.test(trimmed))
    return { principal: trimmed, who: trimmed };
  if (/^group:(local|claim)\|[A-Za-z0-9._%|-]+(#member)?$/.test(trimmed)) {
    return { principal: trimmed.endsWith('#member') ? trimmed : `${trimmed}#member`, who: trimmed };
  }
  const [, issuer, subject] = /^(https?:\S+) (\S+)$/.exec(trimmed) ?? [];
  if (issuer && subject) return ofIssuer(services, issuer, subject);
  return ofAccount(services, trimmed);
}

function serviceAccount(name: string): string {
  return accountPrincipal({ kind: 'service_account', issuerAlias: LOCAL_ISSUER.alias, subject: name });
}

function ofIssuer(services: Services, issuer: string, subject: string): Who {
  const alias = services.facts.issuerAliases[issuer];
  if (!alias) {
    throw new AppError('NOT_FOUND', 'ISSUER_UNKNOWN', 'This server does not trust that issuer.', {
      hint: `Issuers: ${Object.keys(services.facts.issuerAliases).join(', ')}`,
    });
  }
  return { principal: userPrincipal(alias, subject), who: subject };
}

async function ofAccount(services: Services, text: string): Promise<Who> {
  const account = await accountNamed(services, text);
  return { principal: accountPrincipal(account), who: account.handle };
}

/**
 * The account that an account name, e-mail address, subject or "ISSUER SUBJECT" fits.
 * @throws NOT_FOUND WHO_UNKNOWN, FAILED_PRECONDITION WHO_AMBIGUOUS
 */
export async function accountNamed(services: Services, text: string): Promise<Account> {
  const [, issuer, subject] = /^(https?:\S+) (\S+)$/.exec(text.trim()) ?? [];
  const machine = /^service-account:(.+)$/.exec(text.trim())?.[1];
  const query =
    issuer && subject
      ? { issuer, subject }
      : machine
        ? { issuer: LOCAL_ISSUER.issuer, subject: machine }
        : { text: text.trim() };
  const [first, ...others] = await services.accounts.findAccounts(query);
  if (!first) {
    throw new AppError('NOT_FOUND', 'WHO_UNKNOWN', 'Nobody of that name has logged in here.', {
      hint: 'Name them as "ISSUER SUBJECT", or let them log in once.',
    });
  }
  if (others.length > 0) {
    throw new AppError('FAILED_PRECONDITION', 'WHO_AMBIGUOUS', 'That name fits several accounts.', {
      hint: 'See fedctl admin whois, then use the account name or the principal id.',
    });
  }
  return first;
}

/**
 * What to call the principal of a tuple: account name, `group:NAME`, `service-account:NAME`, or the principal itself where no
 * account is known.
 */
export async function nameOf(services: Services, principal: string): Promise<string> {
  const group = /^group:local\|([^#]+)#member$/.exec(principal)?.[1];
  if (group) return `group:${decoded(group)}`;
  const machine = /^service_account:local\|([^|]+)$/.exec(principal)?.[1];
  if (machine) return `service-account:${decoded(machine)}`;
  return (await accountOf(services, principal))?.handle ?? principal;
}

/** The account that a principal stands for; undefined for groups, and for whoever never logged in or was used. */
export async function accountOf(services: Services, principal: string): Promise<Account | undefined> {
  const [, kind, alias, encoded] = /^(user|service_account):([^|]+)\|([^|]+)$/.exec(principal) ?? [];
  const local = alias === LOCAL_ISSUER.alias ? LOCAL_ISSUER.issuer : undefined;
  const issuer = kind === 'user' ? issuerOf(services, alias) : local;
  if (!issuer || !encoded) return undefined;
  const [account] = await services.accounts.findAccounts({ issuer, subject: decoded(encoded) });
  return account;
}

function issuerOf({ facts }: Services, alias: string | undefined): string | undefined {
  return Object.entries(facts.issuerAliases).find(([, known]) => known === alias)?.[0];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
