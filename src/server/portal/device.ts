import type { Clock } from '../../core/clock.ts';
import type { HttpReply, HttpRequest, Route } from '../transport/https.ts';
import { answerWith, fieldsOf, type PortalParts, readForm } from './calls.ts';
import type { Browsers } from './cookies.ts';
import { confirmPage, DEVICE_PATH, deniedPage, donePage, enterCodePage, leavingPage } from './device-pages.ts';
import { type Problem, problemReply } from './problem.ts';
import { readUserCode } from './user-code.ts';

export interface DeviceParts extends PortalParts {
  readonly browsers: Browsers;
  readonly server: string;
  readonly clock: Clock;
}

const MAX_FORM = 4096;
/** Longer ones are cut off by servers and browsers on the way. */
const MAX_URL = 8000;
export const CALLBACK_PATH = '/oidc/callback/';

/** The device page and the way back from the provider. Reading pages changes nothing; HEAD not even looks. */
export function deviceRoutes(parts: DeviceParts): readonly Route[] {
  return [
    { method: 'GET', path: DEVICE_PATH, handle: (request) => show(parts, request) },
    { method: 'POST', path: DEVICE_PATH, maxBody: MAX_FORM, handle: (request) => decide(parts, request) },
    { method: 'GET', path: CALLBACK_PATH, handle: (request) => finish(parts, request) },
  ];
}

async function show(parts: DeviceParts, request: HttpRequest): Promise<HttpReply> {
  const { pages, browsers, server, clock } = parts;
  const typed = fieldsOf(request.query).get('code') ?? '';
  if (typed === '' || request.method === 'HEAD') return pages.reply(enterCodePage({}));
  const userCode = readUserCode(typed);
  if (userCode === undefined) return pages.reply(enterCodePage({ typed, problem: NO_CODE }), 400);
  const { secret, headers } = browsers.keep(request);
  return answerWith(
    parts,
    { method: 'login.page', input: { userCode }, request },
    (login) => {
      const token = browsers.formToken(secret, login.userCode);
      return pages.reply(confirmPage({ login, server, token, now: clock.now() }), 200, headers);
    },
    (problem, reference) => wrongCode(parts, { typed, problem, reference }),
  );
}

const NO_CODE = 'A code has eight letters or digits, such as BCDF-GHJK.';

/** A code that leads nowhere may be a slip: the form stands there again. All else has its own page. */
function wrongCode(
  { pages }: PortalParts,
  { typed, problem, reference }: { typed: string; problem: Problem; reference: string },
): HttpReply {
  if (problem.status !== 404) return problemReply(pages, { problem, reference });
  const { sentence, hint, status } = problem;
  return pages.reply(enterCodePage({ typed, problem: sentence, hint }), status);
}

async function decide(parts: DeviceParts, request: HttpRequest): Promise<HttpReply> {
  const { pages, browsers } = parts;
  const form = await readForm(request);
  const userCode = readUserCode(form?.get('code') ?? '');
  const token = form?.get('token') ?? '';
  if (userCode === undefined || !browsers.mayWrite(request, { token, userCode }))
    return problemReply(pages, { problem: FOREIGN_FORM, reference: '' });
  const answer = ANSWERS[form?.get('answer') ?? ''];
  return answer === undefined
    ? problemReply(pages, { problem: FOREIGN_FORM, reference: '' })
    : answer(parts, request, userCode);
}

type Answer = (parts: DeviceParts, request: HttpRequest, userCode: string) => Promise<HttpReply>;

const ANSWERS: Readonly<Record<string, Answer | undefined>> = {
  yes: (parts, request, userCode) =>
    answerWith(
      parts,
      { method: 'login.confirm', input: { userCode, browser: parts.browsers.secretOf(request) }, request },
      ({ authorizationUrl }) => leave(parts, authorizationUrl),
    ),
  no: (parts, request, userCode) =>
    answerWith(parts, { method: 'login.deny', input: { userCode }, request }, () => parts.pages.reply(deniedPage())),
};

/** Only an address of a web page is gone to, whatever a provider's metadata say. */
function leave({ pages }: PortalParts, authorizationUrl: string): HttpReply {
  const url = URL.canParse(authorizationUrl) ? new URL(authorizationUrl) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.href.length > MAX_URL)
    return problemReply(pages, { problem: NO_WAY, reference: '' });
  return pages.reply(leavingPage({ provider: url.hostname, url: url.href }));
}

async function finish(parts: DeviceParts, request: HttpRequest): Promise<HttpReply> {
  const { pages, browsers } = parts;
  // Who looks where a link leads must not use it up.
  if (request.method === 'HEAD') return pages.reply(enterCodePage({}));
  const fields = fieldsOf(request.query);
  const get = (name: string): string => fields.get(name) ?? '';
  const answer = {
    code: get('code'),
    state: get('state'),
    iss: get('iss'),
    error: get('error'),
    errorDescription: get('error_description'),
  };
  const input = { provider: request.path.slice(CALLBACK_PATH.length), answer, browser: browsers.secretOf(request) };
  return answerWith(parts, { method: 'login.callback', input, request }, (done) => pages.reply(donePage(done)));
}

const FOREIGN_FORM: Problem = {
  status: 403,
  reason: '',
  sentence: 'This answer did not come from the page that asked, or that page was open for too long.',
  hint: 'Open the address that your terminal shows once more, in a browser that keeps cookies.',
  headers: {},
};

const NO_WAY: Problem = {
  status: 502,
  reason: '',
  sentence: 'The identity provider gave no address to sign in at.',
  hint: 'Tell the operator of this server.',
  headers: {},
};
