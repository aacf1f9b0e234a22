import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { renderDocPage } from '../../../../src/server/config/doc-page.ts';
import { SETTINGS } from '../../../../src/server/config/settings.ts';

test('docs/configuration.md is what the settings table says', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../../docs/configuration.md'), 'utf8');
  expect(page).toBe(renderDocPage());
});

test('every default is a value that its setting accepts', () => {
  const refused = Object.entries(SETTINGS).flatMap(([table, settings]) =>
    Object.entries(settings).flatMap(([key, setting]) =>
      setting.default === undefined || setting.parse(setting.default, { dir: '/' }).ok ? [] : [`${table}.${key}`],
    ),
  );
  expect(refused).toEqual([]);
});
