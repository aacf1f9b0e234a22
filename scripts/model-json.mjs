// templates/model.fga -> templates/model.json: what the server writes to OpenFGA. Keys are sorted, so that equal models are equal files.
import { readFileSync, writeFileSync } from 'node:fs';
import { transformer } from '@openfga/syntax-transformer';

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}

const folder = new URL('../templates/', import.meta.url);
const model = transformer.transformDSLToJSONObject(readFileSync(new URL('model.fga', folder), 'utf8'));
writeFileSync(new URL('model.json', folder), `${JSON.stringify(sorted(model), null, 2)}\n`);
