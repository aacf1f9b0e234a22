import { GRANTABLE, RIGHTS, type Right } from '../../../core/access.ts';
import type { Account } from '../../../core/accounts.ts';
import { AppError } from '../../../core/errors.ts';
import { objectId } from '../../../core/principals.ts';
import type { Run } from '../../../core/runs.ts';
import { callerOf, type Handlers, type Services } from '../call.ts';
import { lookForNothing } from '../decide.ts';
import { askedOfRun, type NamedObject, parseObject, runObject } from '../targets.ts';
import { seenAccount } from './sessions.ts';
import { nameOf, resolveWho } from './who.ts';

type AccessHandlers = Pick<
  Handlers,
  'access.grant' | 'access.revoke' | 'access.grants' | 'access.whois' | 'access.can'
>;

/** The longest grant that may be given an end: 10 years, in seconds. Longer means no end. */
const MAX_SECONDS = 10n * 366n * 86_400n;

export const accessHandlers: AccessHandlers = {
  'access.grant': async (services, _call, input) => {
    if (input.forSeconds < 0n || input.forSeconds > MAX_SECONDS) {
      throw new AppError('INVALID_ARGUMENT', 'GRANT_DURATION_INVALID', 'A grant lasts between 1 second and 10 years.');
    }
    const { object, role } = grantable(input.object, input.role);
    const who = await resolveWho(services, input.who);
    const until = input.forSeconds > 0n ? services.clock.now() + Number(input.forSeconds) * 1000 : undefined;
    const result = await services.grants.grant({ principal: who.principal, role, object, until });
    return { grant: { ...who, role, object, until }, unchanged: result === 'unchanged' };
  },

  'access.revoke': async (services, _call, input) => {
    const { object, role } = grantable(input.object, input.role);
    const { principal } = await resolveWho(services, input.who);
    return { unchanged: (await services.grants.revoke({ principal, role, object })) === 'unchanged' };
  },

  'access.grants': async (services, _call, input) => {
    const who = input.who ? await resolveWho(services, input.who) : undefined;
    const object = input.object ? namedObject(input.object) : undefined;
    const grants = await services.grants.grants({
      ...(who ? { principal: who.principal } : {}),
      ...(object ? { object } : {}),
    });
    const named = grants.map(async (grant) => ({ ...grant, who: await nameOf(services, grant.principal) }));
    return { grants: await Promise.all(named) };
  },

  'access.whois': async (services, _call, input) => {
    const issuer = /^(\S+) (\S+)$/.exec(input.query.trim());
    const found =
      issuer?.[1] && issuer[2]
        ? await services.accounts.findAccounts({ issuer: issuer[1], subject: issuer[2] })
        : await services.accounts.findAccounts({ text: input.query.trim() });
    return { accounts: found.map((account: Account) => seenAccount(account)) };
  },

  'access.can': async (services, call, input) => {
    const { subject } = callerOf(call);
    const right = rightNamed(input.action);
    const named = parseObject(input.object || 'system');
    const run = named.type === 'run' ? await services.queries.runById(named.id) : undefined;
    const object = named.type === 'run' ? runObject(named.id, run, services) : named;
    const question = run ? askedOfRun(subject, right, run, services) : { subject, right, object };
    const allowed = await services.checker.check(question, { fresh: true });
    const exists = await isThere(services, named, run);
    if (!allowed && exists && named.type === 'federation') await lookForNothing(services);
    return allowed && exists ? { allowed: true, reason: `you have ${right} there.` } : no(right);
  },
};

async function isThere(services: Services, named: NamedObject, run: Run | undefined): Promise<boolean> {
  if (named.type === 'federation') return (await services.federations.find(named.id)) !== undefined;
  return named.type !== 'run' || run !== undefined;
}

/** The same words for "you may not" and "there is no such thing". */
function no(right: Right) {
  return { allowed: false, reason: `you do not have ${right} there, or it does not exist.` };
}

function rightNamed(action: string): Right {
  const name = action.startsWith('can_') ? action : `can_${action.replaceAll('-', '_')}`;
  const right = RIGHTS.find((known) => known === name);
  if (right) return right;
  throw new AppError('INVALID_ARGUMENT', 'ACTION_UNKNOWN', 'There is no such action.', {
    hint: `Actions: ${RIGHTS.map((known) => known.slice(4)).join(', ')}.`,
  });
}

function namedObject(text: string): string {
  const named = parseObject(text);
  return named.type === 'run' ? `run:${named.id}` : objectId(named);
}

function grantable(objectText: string, role: string): { object: string; role: string } {
  const { type } = parseObject(objectText);
  const roles: readonly string[] = GRANTABLE[type];
  if (roles.includes(role)) return { object: namedObject(objectText), role };
  throw new AppError('INVALID_ARGUMENT', 'ROLE_UNKNOWN', `On a ${type} there is no such role.`, {
    hint: `Roles of a ${type}: ${roles.join(', ')}.`,
  });
}
