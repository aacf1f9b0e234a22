import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Agent, request } from 'undici';
import { expire } from '../slow/logins.ts';
import { type Canary, findCanaries, runningPrograms, sinksOf, tokenCanaries } from '../support/canaries.ts';
import { KEYCLOAK_CLIENTS, passwordOf, secretOf } from '../support/keycloak.ts';
import type { People } from '../support/people.ts';
import { keycloakPeople, startLogin } from './stage/people.ts';
import { type OtherPlane, planeLog, planeState, startOther, writeSecret } from './stage/plane.ts';
import { robotToken } from './stage/robot.ts';
import { sharedStage } from './stage/shared.ts';

/** All that libraries below us tell when they are asked to tell everything. */
const LOUD = { GRPC_TRACE: 'all', GRPC_VERBOSITY: 'DEBUG', NODE_DEBUG: 'http2,http,https,net,tls,fetch,undici' };
const USERS = ['alice', 'bob', 'carol'] as const;

describe('SEC-01: secrets, with every trace on at both ends', () => {
  const stage = sharedStage();
  const name = 'loud';
  let plane: OtherPlane;
  let people: People;
  const canaries: Canary[] = [
    ...KEYCLOAK_CLIENTS.map((client) => ({ name: `secret of ${client}`, text: secretOf(client) })),
    ...USERS.map((user) => ({ name: `password of ${user}`, text: passwordOf(user) })),
  ];

  beforeAll(async () => {
    const oidc = { 'share-tokens': true, 'allow-password': true };
    plane = await startOther(stage, { name, env: LOUD, changes: { oidc, log: { level: 'debug' } } });
    people = keycloakPeople(plane.stage, LOUD);
  }, 60_000);
  afterAll(async () => {
    people.leave();
    await plane.stop();
  });

  test('are in no log, trace, metric, audit row or database, and in no argv or environment', async () => {
    const programs = new Map<string, Buffer>();
    const printed: string[] = [];
    for (const user of USERS) {
      const person = people.person(user);
      expect(await person.login()).toMatchObject({ code: 0 });
      canaries.push(...tokenCanaries(user, person.tokens()));
      canaries.push({ name: `token of Keycloak for ${user}`, text: await providerToken(user) });
      await expire({ home: person.home, facts: plane.stage.stack });
      expect(await person.fedctl('whoami')).toMatchObject({ code: 0 });
      canaries.push(...tokenCanaries(`${user}, renewed`, person.tokens()));
      for (const sink of runningPrograms(stage.folder)) programs.set(...sink);
    }
    const robot = people.person('admin');
    const secret = writeSecret(stage, 'robot');
    const authority = ['--authority', stage.issuer, '--authority-ca', stage.keycloak.tls.ca, '--client-id', 'robot'];
    const grant = ['--grant', 'client_credentials', ...authority, '--client-secret-file', secret];
    expect(await robot.fedctl('login', ...grant)).toMatchObject({ code: 0 });
    canaries.push({ name: 'token of a robot', text: await robotToken(stage) });
    const { ended } = await startLogin(people.person('bob'), '--force', '--timeout', '2s');
    printed.push((await ended).stderr);
    for (const user of USERS) expect(await people.person(user).fedctl('logout')).toMatchObject({ code: 0 });

    const sinks = new Map([...sinksOf(planeState(stage, name)), ...programs]);
    sinks.set('server', readFileSync(planeLog(stage, name)));
    sinks.set('output', Buffer.from(`${said()}${printed.join('')}`));
    sinks.set('metrics', Buffer.from(await metrics()));
    sinks.set('log of Keycloak', readFileSync(join(stage.folder, 'keycloak.log')));
    // The traces are there, and the search finds what is there.
    expect(sinks.get('server')?.toString()).toMatch(/received headers/);
    expect(findCanaries([{ name: 'issuer', text: stage.issuer }], sinks).join()).toContain('issuer in server');
    expect(canaries.length).toBeGreaterThan(25);
    expect(findCanaries(canaries, sinks)).toEqual([]);
  }, 240_000);

  const answers: string[] = [];
  /** What people's programs have printed, but for the tokens that they asked for. */
  const said = (): string => answers.reduce((text, answer) => text.replaceAll(answer, ''), people.said());

  async function providerToken(user: (typeof USERS)[number]): Promise<string> {
    const { code, stdout } = await people.person(user).fedctl('token', '--no-exchange');
    expect(code).toBe(0);
    answers.push(stdout.trim());
    return stdout.trim();
  }

  async function metrics(): Promise<string> {
    const { https, ca } = plane.stage.stack;
    const dispatcher = new Agent({ connect: { ca: readFileSync(ca, 'utf8') }, pipelining: 0 });
    return (await request(`${https}/metrics`, { dispatcher })).body.text();
  }
});
