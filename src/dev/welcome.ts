import type { StackFacts } from './stack.ts';

/** What a person reads when the stack is ready; lines of at most 80 columns but for paths. */
export function welcomeText(facts: StackFacts, federation: string): readonly string[] {
  const width = Math.max(...facts.accounts.map((account) => account.name.length));
  return [
    '',
    `fedctl dev is ready. State: ${facts.state}`,
    '',
    `  control plane      ${facts.address} (gRPC over TLS), ${facts.https}`,
    `  identity provider  ${facts.issuer}`,
    `  OpenFGA            ${facts.openfga.url}, store ${facts.openfga.store}`,
    `  engine             ${facts.engine ? `${facts.engine.kind}, two SuperNodes, ${facts.engine.address}` : 'none'}`,
    '',
    'Accounts, with their passwords:',
    ...facts.accounts.map(({ name, password }) => `  ${name.padEnd(width)}  ${password}`),
    '',
    "For fedctl, and for flwr up to 1.25, in your app's pyproject.toml",
    '(up to flwr 1.22 the last key is enable-user-auth):',
    '',
    '  [tool.flwr.federations]',
    '  default = "dev"',
    '',
    '  [tool.flwr.federations.dev]',
    `  address = "${facts.address}"`,
    `  root-certificates = "${facts.ca}"`,
    '  enable-account-auth = true',
    '',
    'For flwr from 1.26 on, in ~/.flwr/config.toml:',
    '',
    '  [superlink.dev]',
    `  address = "${facts.address}"`,
    `  root-certificates = "${facts.ca}"`,
    `  federation = "${federation}"`,
    '',
    `flwr from 1.37 on speaks HTTP: ${new URL(facts.https).host} is its own address; the one above works, too.`,
    '',
    'Then: fedctl login, fedctl run. Ctrl-C ends the stack and keeps its state.',
  ];
}
