import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type Provider from 'oidc-provider';
import { consentPage, loginPage, problemPage } from './idp-pages.ts';
import type { DevAccount } from './secrets-file.ts';

export const INTERACTION_PATH = '/interaction/';

const MAX_FORM_BYTES = 8192;

interface Interaction {
  readonly provider: Provider;
  readonly accounts: readonly DevAccount[];
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

type Details = Awaited<ReturnType<Provider['interactionDetails']>>;
type Result = Parameters<Provider['interactionFinished']>[2];

/** Answers a request below {@link INTERACTION_PATH}: the login and the consent page, and their forms. */
export async function answerInteraction(interaction: Interaction): Promise<void> {
  const { provider, request, response } = interaction;
  let details: Details;
  try {
    details = await provider.interactionDetails(request, response);
  } catch {
    sendPage(response, 400, problemPage('This login has ended, or it was begun in another browser.'));
    return;
  }
  if (request.method !== 'POST') {
    sendPage(response, 200, await renderPrompt(interaction, details, undefined));
    return;
  }
  const form = await readForm(request);
  const result = await judgeForm(interaction, details, form);
  if (typeof result === 'string')
    sendPage(response, 200, await renderPrompt(interaction, details, result, form.get('login') ?? ''));
  else await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

export function sendPage(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(html);
}

async function renderPrompt(
  { provider, accounts }: Interaction,
  details: Details,
  problem: string | undefined,
  name = '',
): Promise<string> {
  const action = `${INTERACTION_PATH}${details.uid}`;
  if (details.prompt.name === 'login') {
    return loginPage({ action, names: accounts.map((account) => account.name), name, problem });
  }
  const client = await provider.Client.find(String(details.params.client_id));
  const scopes = String(details.params.scope ?? '')
    .split(' ')
    .filter(Boolean);
  return consentPage({
    action,
    name: details.session?.accountId ?? '',
    client: client?.clientName ?? 'An application',
    scopes,
  });
}

/** The interaction's result, or the sentence that says what is wrong with the form. */
async function judgeForm(interaction: Interaction, details: Details, form: URLSearchParams): Promise<Result | string> {
  if (form.has('abort')) return { error: 'access_denied', error_description: 'The person refused.' };
  if (form.get('prompt') !== details.prompt.name) return 'This page was out of date; please try again.';
  if (details.prompt.name === 'consent')
    return { consent: { grantId: await makeGrant(interaction.provider, details) } };
  const account = interaction.accounts.find((one) => one.name === form.get('login')?.trim());
  if (!account || !sameText(account.password, form.get('password') ?? ''))
    return 'There is no such account, or its password is another.';
  return { login: { accountId: account.name } };
}

async function makeGrant(provider: Provider, details: Details): Promise<string> {
  const known = details.grantId ? await provider.Grant.find(details.grantId) : undefined;
  const grant =
    known ??
    new provider.Grant({ accountId: details.session?.accountId ?? '', clientId: String(details.params.client_id) });
  grant.addOIDCScope(String(details.params.scope ?? ''));
  return grant.save();
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_FORM_BYTES) return new URLSearchParams();
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
