import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from '@iarna/toml';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { findFreeBase } from '../../src/dev/ports.ts';
import { runCli } from '../support/cli.ts';
import { startControlPlane } from '../support/control-plane.ts';
import { adminOf } from '../support/keycloak.ts';
import type { KeycloakAdmin } from '../support/keycloak-admin.ts';
import { keycloakPeople } from './stage/people.ts';
import { writeConfig } from './stage/plane.ts';
import { sharedStage } from './stage/shared.ts';

describe('server setup-idp, a real Keycloak', () => {
  const stage = sharedStage();
  let admin: KeycloakAdmin;
  beforeAll(async () => {
    admin = await adminOf({ origin: stage.origin, ca: stage.keycloak.tls.ca });
  });

  test('registers a client; a server with it lets people log in', async () => {
    const base = await findFreeBase();
    const stack = { ...stage.stack, address: `127.0.0.1:${base}`, https: `https://127.0.0.1:${base + 1}` };
    const config = configWithout(base);
    const token = join(stage.folder, 'registration-token');
    writeFileSync(token, await admin.registrationToken(1), { mode: 0o600 });
    const flags = ['--register', '--registration-token-file', token, '--ca', stage.keycloak.tls.ca, '--alias', 'kc'];
    // The slash is one too many.
    const command = ['server', 'setup-idp', `${stage.issuer}/`, '--config', config, ...flags, '--json'];
    const { code, stdout, stderr } = await runCli(command, { cwd: stage.folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const done = JSON.parse(stdout);
    expect(done).toMatchObject({ kind: 'keycloak', issuer: stage.issuer, respelt: true, written: true });
    expect(await admin.client(done.client.id)).toMatchObject({
      redirectUris: expect.arrayContaining([`${stack.https}/oidc/callback/kc`]),
      attributes: expect.objectContaining({ 'backchannel.logout.url': `${stack.https}/oidc/backchannel-logout/kc` }),
    });

    const plane = await startControlPlane({ config });
    const people = keycloakPeople({ ...stage, stack });
    try {
      expect(await people.person('alice').login()).toMatchObject({ code: 0 });
    } finally {
      people.leave();
      await plane.stop();
    }
  }, 120_000);

  /** A whole server.toml but for its identity provider. */
  function configWithout(base: number): string {
    const whole = writeConfig(stage, {
      name: 'registered',
      changes: {
        engine: { kind: 'none', address: undefined, insecure: undefined },
        access: undefined,
        server: {
          'grpc-address': `127.0.0.1:${base}`,
          'https-address': `127.0.0.1:${base + 1}`,
          'state-dir': join(stage.folder, 'state-registered'),
        },
      },
    });
    const text = readFileSync(whole, 'utf8');
    const file = join(stage.folder, 'unfinished.toml');
    const [before = ''] = text.replace(/\[\[oidc\]\]\n(?:[^[\n].*\n)*/, '').split('[[trust');
    writeFileSync(file, before, { mode: 0o600 });
    expect(parse(readFileSync(file, 'utf8'))).not.toHaveProperty('oidc');
    return file;
  }
});
