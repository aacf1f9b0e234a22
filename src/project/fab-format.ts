import { fieldError, isTable, optionalString, type TableAt } from './toml-fields.ts';

/**
 * The rules of `fab-format-version` (facts 4.1): 0 asks for nothing, 1 for a target version, a `flwr>=` dependency and
 * a licence file. Whether the target satisfies the dependency is left to Flower.
 * @returns the licence file that the bundle must hold, or undefined
 * @throws INVALID_ARGUMENT CONFIG_INVALID
 */
export function checkFabFormat(project: TableAt, app: TableAt): string | undefined {
  const version = app.table['fab-format-version'] ?? 0n;
  if (version === 0n) return undefined;
  if (version !== 1n) throw fieldError(app, 'fab-format-version', 'must be 0 or 1');
  if (optionalString(app, 'flwr-version-target') === undefined) {
    throw fieldError(app, 'flwr-version-target', 'is missing (fab-format-version = 1 needs it)');
  }
  const dependencies = project.table.dependencies;
  const names = Array.isArray(dependencies)
    ? dependencies.filter((item) => /^\s*flwr\b(?!-).*>=/.test(String(item)))
    : [];
  if (names.length !== 1)
    throw fieldError(project, 'dependencies', 'must hold "flwr>=VERSION" (fab-format-version = 1)');
  const license = project.table.license;
  const file = isTable(license) ? license.file : undefined;
  if (file === 'LICENSE' || file === 'LICENSE.md') return file;
  throw fieldError(
    project,
    'license',
    'must be { file = "LICENSE" } or { file = "LICENSE.md" } (fab-format-version = 1)',
  );
}
