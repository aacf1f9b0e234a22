import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { transformer } from '@openfga/syntax-transformer';
import { GRANTABLE, RIGHTS } from '../../../src/core/access.ts';
import { hashModel, loadModel, type ModelJson } from '../../../src/server/access/model.ts';

describe('the authorization model', () => {
  const model = loadModel();

  test('templates/model.json is made from templates/model.fga', () => {
    const dsl = readFileSync(new URL('../../../templates/model.fga', import.meta.url), 'utf8');
    const made = transformer.transformDSLToJSONObject(dsl) as unknown as ModelJson;
    expect(hashModel(made)).toBe(model.hash);
    expect(made.type_definitions.map(({ type }) => type)).toEqual(model.json.type_definitions.map(({ type }) => type));
  });

  test('defines every role that can be granted', () => {
    for (const [type, roles] of Object.entries(GRANTABLE)) {
      for (const role of roles) expect([type, role, model.defines(type, role)]).toEqual([type, role, true]);
    }
  });

  test('defines no right that the program does not know', () => {
    const rights = model.json.type_definitions.flatMap(({ relations }) => Object.keys(relations ?? {}));
    for (const name of rights.filter((one) => one.startsWith('can_'))) expect(RIGHTS).toContain(name);
  });

  test('has another hash after any change that can change a decision', () => {
    const text = JSON.stringify(model.json);
    const changes = [
      text.replace('current_time < until', 'true'),
      text.replace('"relation":"admin"', '"relation":"auditor"'),
      text.replace('"type":"service_account"', '"type":"service_account","wildcard":{}'),
      text.replace('{"this":{}}', '{"computedUserset":{"relation":"viewer"}}'),
    ];
    const hashes = [text, ...changes].map((one) => hashModel(JSON.parse(one) as ModelJson));
    expect(new Set(hashes).size).toBe(5);
  });

  test('has the same hash with the empty fields that OpenFGA adds', () => {
    const added = JSON.parse(
      JSON.stringify(model.json).replaceAll('"computedUserset":{', '"computedUserset":{"object":"",'),
    ) as ModelJson;
    expect(hashModel(added)).toBe(model.hash);
  });
});
