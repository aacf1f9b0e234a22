import type { Setting } from './kinds.ts';
import { SETTINGS, TABLES } from './settings.ts';
import { isRepeated } from './tables.ts';
import { renderValue } from './template.ts';

/** docs/configuration.md, from the settings table. */
export function renderDocPage(): string {
  const tables = Object.entries(SETTINGS).map(([name, settings]) => {
    const title = isRepeated(name) ? `[[${name}]]` : `[${name}]`;
    const rows = Object.entries(settings).map(([key, setting]) => row(key, setting));
    const head = ['| setting | value | default | |', '|---|---|---|---|'];
    return [`## \`${title}\``, '', TABLES[name as keyof typeof TABLES], '', ...head, ...rows].join('\n');
  });
  return `${INTRODUCTION}\n${tables.join('\n\n')}\n`;
}

const INTRODUCTION = `# Configuration of the server

<!-- Made from src/server/config/settings.ts by scripts/config-docs.mjs. -->

\`fedctl server init\` writes a commented \`server.toml\`, \`fedctl server start --config server.toml\` runs it,
\`fedctl server start --config server.toml --check\` only looks whether it is in order. Unknown settings and bad values are
refused, by name and line.

- Durations are strings: \`"500ms"\`, \`"10s"\`, \`"5m"\`, \`"12h"\`, \`"30d"\`, \`"1h30m"\`. Sizes too: \`"512B"\`, \`"32KiB"\`, \`"64MiB"\`, \`"2GiB"\`.
- Relative paths start at the folder of the file.
- Secrets stand in files of their own, never in \`server.toml\`. Such a file must not be open to others: mode 0600, or
  0440 for a secret that a platform mounts.
- New certificates are taken up without a restart, as soon as their files change or on SIGHUP.
  Everything else is read at start.
`;

function row(key: string, setting: Setting<unknown>): string {
  return `| \`${key}\` | ${cell(setting.kind)} | ${fallback(setting)} | ${cell(setting.doc)} |`;
}

function fallback({ required, default: value, derived }: Setting<unknown>): string {
  if (required) return '**required**';
  if (value !== undefined) return `\`${renderValue(value)}\``;
  return derived ?? '';
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
