import { cpus, totalmem } from 'node:os';
import { FLOWER_VERSION } from '../src/dev/tools/flower.ts';
import { OPENFGA_VERSION } from '../src/dev/tools/openfga.ts';
import { grouped, ms, row, spread } from './cells.ts';
import { CLI_PROGRAMS, type CliFigures } from './cli.ts';
import { LIST_SERVERS, type ListFigures, type ListServer, type Slice } from './listing.ts';
import { median, ratios, type Series } from './stats.ts';
import type { SubmitFigures } from './submits.ts';
import type { TranslatorFigures } from './translators.ts';
import { translatorSection, translatorSummary } from './translators-report.ts';

export interface Figures {
  readonly cli: CliFigures;
  readonly listing: ListFigures;
  readonly translators: readonly TranslatorFigures[];
  readonly submits: SubmitFigures;
  readonly memory: { readonly idleMiB: number; readonly loadedMiB: number };
  /** Median of several starts. */
  readonly startMs: number;
  /** Runs in the database. */
  readonly rows: number;
}

/** docs/benchmarks.md. */
export function renderReport(figures: Figures): string {
  const { memory, startMs, rows } = figures;
  return `# Benchmarks

<!-- Written by \`npm run bench\`. -->

Every figure is a ratio of two things that were measured in turn, in one run on one machine: what else the machine did
weighed on both. A ratio is the median over the rounds; in brackets are its quartiles. Processor time tells more where the
machine had other work. Absolute times are there to give an idea.

${environment()}

## In short

| what | aim | wall time or calls per second | processor time |
|---|---|---|---|
${summary(figures).join('\n')}

${cliSection(figures)}

${listSection(figures)}

${translatorSection(figures.translators)}

${submitSection(figures)}

## The server's process

Resident memory with ${grouped(rows)} runs in the database: ${memory.idleMiB.toFixed(0)} MiB idle, ${memory.loadedMiB.toFixed(0)} MiB after the load of ListRuns. From the
start of the process to \`/readyz\`: ${startMs.toFixed(0)} ms.
`;
}

function cliSection({ cli }: Figures): string {
  const rows = CLI_PROGRAMS.map((name) => row([`\`${name}\``, ms(cli[name].wallMs), ms(cli[name].cpuMs)]));
  return `## The command line

\`fedctl ls\` and \`flwr ls\` ask the same control plane for the same 20 runs, each with a login of its own; what they print
is looked at. \`node -e 0\` is the floor: what Node itself takes. What \`fedctl\` takes above it is the loading of modules,
oclif's and gRPC's in equal parts, although their code is compiled from a cache.

| program | wall ms | processor ms |
|---|---|---|
${rows.join('\n')}`;
}

function listSection({ listing, rows }: Figures): string {
  return `## ListRuns

The newest page of 20 of the caller's ${grouped(rows)} runs: token and session checked, each row decided with OpenFGA, the call
recorded in the audit trail (on disk before the answer). Against a grpc-js server with TLS that does nothing but answer
the same ${grouped(listing.answerBytes)} bytes. Every server runs in a process of its own; the driver is the same and compares every answer.
*cached* is how the server runs by default: decisions may be reused for 5 s. *uncached* has \`[openfga] cache = "0s"\`: each call
asks OpenFGA twice. Equal questions that are under way at the same time share one answer; one call at a time shows it
without. What is left above the echo: the query for the page, the audit row on disk, and gRPC under more work.

${listing.parallel} calls at a time over 4 connections:

${listTable(listing.many)}

One call at a time, where each one waits for a commit of its own:

${listTable(listing.single)}`;
}

function submitSection({ submits }: Figures): string {
  const line = (name: string, { engine, fedctl }: SubmitFigures['single']) =>
    row([name, ms(engine), ms(fedctl), spread(ratios(engine, fedctl))]);
  return `## StartRun

Through fedctl to a SuperLink, against another SuperLink alone: Flower's own call with the same bundle of ${grouped(submits.bundleBytes)} bytes.
The SuperLinks have no nodes and start no ServerApps, so nothing trains; each run is stopped once it has been measured, and
all must be there at the end. On the way through, fedctl verifies the bundle, asks OpenFGA afresh (with no cache anywhere), and
commits three times to disk: the run with its audit row before the engine is asked, the bundle, and the engine's id
before the answer. That is what "nothing acknowledged is lost, nothing runs twice" costs: some milliseconds for each
submit, however long the engine takes.

| submits | engine alone, ms | through fedctl, ms | ratio |
|---|---|---|---|
${line('one after the other', submits.single)}
${line(`${submits.parallel} at a time, different bundles`, submits.batch)}`;
}

function environment(): string {
  const [cpu] = cpus();
  const memory = `${(totalmem() / 1024 ** 3).toFixed(0)} GiB`;
  return `Node ${process.versions.node}, OpenFGA ${OPENFGA_VERSION} (SQLite), Flower ${FLOWER_VERSION}, ${process.platform} ${process.arch}, ${cpus().length} × ${cpu?.model.trim()}, ${memory}.`;
}

function summary({ cli, listing, translators, submits }: Figures): readonly string[] {
  const against = (mine: keyof CliFigures, other: keyof CliFigures, aim: string) =>
    row([
      `\`${mine}\` against \`${other}\``,
      aim,
      spread(ratios(cli[mine].wallMs, cli[other].wallMs)),
      spread(ratios(cli[mine].cpuMs, cli[other].cpuMs)),
    ]);
  const list = (name: ListServer, text: string, aim: string) => {
    const { rate, cpu } = againstEcho(listing.many, name);
    return row([`ListRuns against an echo, ${text}`, aim, spread(rate), spread(cpu)]);
  };
  return [
    against('fedctl ls', 'flwr ls', 'at most 0.2'),
    against('fedctl --version', 'flwr --version', ''),
    against('fedctl --version', 'node -e 0', ''),
    list('cached', 'cached', 'at least 0.4'),
    list('uncached', 'uncached', 'at least 0.1'),
    ...translatorSummary(translators),
    row([
      'StartRun, engine alone against through fedctl',
      'at least 0.7',
      spread(ratios(submits.single.engine, submits.single.fedctl)),
      '',
    ]),
    row([
      `the same, ${submits.parallel} at a time`,
      'at least 0.7',
      spread(ratios(submits.batch.engine, submits.batch.fedctl)),
      '',
    ]),
  ];
}

function listTable(servers: ListFigures['many']): string {
  const names: Readonly<Record<ListServer, string>> = {
    echo: 'echo',
    cached: 'ListRuns, cached',
    uncached: 'ListRuns, uncached',
  };
  const rows = LIST_SERVERS.map((name) => {
    const of = (pick: (slice: Slice) => number) => median(servers[name].map(pick));
    const { rate, cpu } = againstEcho(servers, name);
    return row([
      names[name],
      grouped(Math.round(of((slice) => slice.perSecond))),
      of((slice) => slice.latencyMs).toFixed(1),
      of((slice) => slice.cpuPerCallMs).toFixed(2),
      name === 'echo' ? '' : spread(rate),
      name === 'echo' ? '' : spread(cpu),
    ]);
  });
  return [
    '| server | calls per second | median ms | processor ms a call | rate, of the echo | processor, of the echo |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

/** Rate of the server as a share of the echo's, and the echo's processor time as a share of the server's. */
function againstEcho(servers: ListFigures['many'], name: ListServer): { rate: Series; cpu: Series } {
  const of = (server: ListServer, pick: (slice: Slice) => number) => servers[server].map(pick);
  return {
    rate: ratios(
      of(name, (slice) => slice.perSecond),
      of('echo', (slice) => slice.perSecond),
    ),
    cpu: ratios(
      of('echo', (slice) => slice.cpuPerCallMs),
      of(name, (slice) => slice.cpuPerCallMs),
    ),
  };
}
