import { type Agent, fetch } from 'undici';

export interface KeycloakAdmin {
  createRealm(realm: object): Promise<void>;
  /** Logs a person out everywhere, as an administrator does. */
  logOut(user: string): Promise<void>;
  setEnabled(user: string, isEnabled: boolean): Promise<void>;
  /** Overwrites attributes of a client. */
  setAttributes(client: string, attributes: Readonly<Record<string, string>>): Promise<void>;
  /** Adds a redirect URI to a client. */
  allowRedirect(client: string, uri: string): Promise<void>;
  /** Sessions of a person, those for offline access of `client` among them. */
  sessions(user: string, client: string): Promise<readonly { readonly id: string }[]>;
  /** Kinds of events that Keycloak has seen, oldest first: "REFRESH_TOKEN", "REFRESH_TOKEN_ERROR", ... */
  events(): Promise<readonly KeycloakEvent[]>;
  clearEvents(): Promise<void>;
  /** A token that lets somebody register `count` clients (RFC 7591 section 3). */
  registrationToken(count: number): Promise<string>;
  client(clientId: string): Promise<Readonly<Record<string, unknown>> | undefined>;
}

export interface KeycloakEvent {
  readonly type: string;
  readonly clientId?: string;
  readonly userId?: string;
  readonly error?: string;
}

interface AdminOptions {
  readonly origin: string;
  readonly realm: string;
  readonly account: { readonly name: string; readonly password: string };
  readonly dispatcher: Agent;
}

/** Keycloak's admin REST API, as far as tests need it. */
export async function openAdmin({ origin, realm, account, dispatcher }: AdminOptions): Promise<KeycloakAdmin> {
  const realms = `${origin}/admin/realms`;
  const here = `${realms}/${realm}`;

  /** A new token each time: they live for a minute. */
  async function token(): Promise<string> {
    const body = new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli' });
    body.set('username', account.name);
    body.set('password', account.password);
    const url = `${origin}/realms/master/protocol/openid-connect/token`;
    const response = await fetch(url, { method: 'POST', body, dispatcher });
    return ((await response.json()) as { access_token: string }).access_token;
  }
  async function ask<T>(url: string, method = 'GET', body?: unknown): Promise<T> {
    const headers = { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' };
    const init = { method, headers, dispatcher, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await fetch(url, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
  async function only(path: string, name: string): Promise<Record<string, unknown> & { id: string }> {
    const [found] = await ask<(Record<string, unknown> & { id: string })[]>(`${here}/${path}`);
    if (found === undefined) throw new Error(`Keycloak knows no ${name}`);
    return found;
  }
  const user = (name: string) => only(`users?exact=true&username=${name}`, name);
  const client = (name: string) => only(`clients?clientId=${name}`, name);

  return {
    createRealm: (one) => ask(realms, 'POST', one),
    logOut: async (name) => ask(`${here}/users/${(await user(name)).id}/logout`, 'POST', {}),
    setEnabled: async (name, enabled) => ask(`${here}/users/${(await user(name)).id}`, 'PUT', { enabled }),
    async setAttributes(name, attributes) {
      const found = await client(name);
      const all = { ...(found.attributes as object), ...attributes };
      await ask(`${here}/clients/${found.id}`, 'PUT', { ...found, attributes: all });
    },
    async allowRedirect(name, uri) {
      const found = await client(name);
      const redirectUris = [...(found.redirectUris as string[]), uri];
      await ask(`${here}/clients/${found.id}`, 'PUT', { ...found, redirectUris });
    },
    async sessions(name, of) {
      const { id } = await user(name);
      const online = await ask<{ id: string }[]>(`${here}/users/${id}/sessions`);
      const offline = await ask<{ id: string }[]>(`${here}/users/${id}/offline-sessions/${(await client(of)).id}`);
      return [...online, ...offline];
    },
    events: async () => (await ask<KeycloakEvent[]>(`${here}/events?max=10000`)).reverse(),
    clearEvents: () => ask(`${here}/events`, 'DELETE'),
    registrationToken: async (count) =>
      (await ask<{ token: string }>(`${here}/clients-initial-access`, 'POST', { count, expiration: 600 })).token,
    client: async (name) => client(name).catch(() => undefined),
  };
}
