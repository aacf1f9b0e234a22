import { row, spread } from './cells.ts';
import { median, type Series } from './stats.ts';
import type { TranslatorFigures } from './translators.ts';

/** Rows of the summary: of all wires, the one whose translator costs the most. */
export function translatorSummary(all: readonly TranslatorFigures[]): readonly string[] {
  return [...new Set(all.map(({ state }) => state))].map((state) => {
    const figures = all.filter((one) => one.state === state);
    const most = (pick: (one: TranslatorFigures) => Series) =>
      share(figures.map(pick).reduce((worst, one) => (median(one) > median(worst) ? one : worst)));
    const name = `a wire's translator, of a ListRuns call, runs ${state}`;
    return row([name, 'less than 5 %', most(({ ofTime }) => ofTime), most(({ ofCpu }) => ofCpu)]);
  });
}

export function translatorSection(all: readonly TranslatorFigures[]): string {
  const rows = all.map((one) =>
    row([
      one.wire,
      String(one.rows),
      one.state,
      median(one.translatorUs).toFixed(0),
      median(one.changedUs).toFixed(0),
      median(one.callCpuMs).toFixed(2),
      median(one.callMs).toFixed(1),
      share(one.ofCpu),
      share(one.ofTime),
    ]),
  );
  return `## Translators

What a wire costs on top of the one path that all calls take: decoding the request and encoding the page, by the server's
own bindings in a process by themselves, as a share of a call over that wire. It must give the bytes that the server has
just answered. The server keeps the bytes of a run while its row stands; those under way it reads for each call. *If all
changed*: what the same page takes once, where none of its runs is as it was when it was listed last.

| wire | rows | runs | translator µs | if all changed | processor ms a call | one call ms | of the processor time | of the time |
|---|---|---|---|---|---|---|---|---|
${rows.join('\n')}`;
}

function share(series: Series): string {
  return `${spread(
    series.map((value) => value * 100),
    1,
  )} %`;
}
