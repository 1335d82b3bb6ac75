/** The tables of a report, once for Markdown and for HTML. Pure. */
import type { Judgement } from '../soak/report.js';
import { percentile, type FaultFigures } from '../checkers/usefulness.js';
import { LEVELS, type Figures, type Levels } from './figures.js';

export type Cell = string | number;
export interface Table {
  readonly title: string;
  /** What its columns mean, where that is not plain. */
  readonly note?: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

const NONE = '–';
const share = (part: number, whole: number): string => (whole === 0 ? NONE : `${((100 * part) / whole).toFixed(1)} %`);
const sum = (levels: Levels): number => LEVELS.reduce((total, level) => total + levels[level], 0);
const shares = (levels: Levels): string[] => LEVELS.map((level) => share(levels[level], sum(levels)));
const duration = (ms: number | null | undefined): string =>
  ms === null || ms === undefined ? NONE : ms < 1_000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;

/** KAFKA_ONLY against FLINK, at the end and over the whole run. */
export const enginesTable = ({ engines }: Figures): Table => ({
  title: 'KAFKA_ONLY against FLINK',
  note: '“Right”: the newest accepted row is the fold of all source events. “Silently wrong”: it is not, and nothing says so.',
  head: [
    'engine',
    'results',
    'right',
    'wrong, and LOW',
    'silently wrong',
    'HIGH at the end',
    'HIGH, read',
    'EC, read',
    'LOW, read',
  ],
  rows: engines.map(({ engine, results, right, wrongLow, wrongSilent, last, read }) => [
    ...[engine, results, `${right} (${share(right, results)})`, wrongLow, wrongSilent],
    ...[share(last.HIGH, sum(last)), ...shares(read)],
  ]),
});

/** The table of seed 004, filled with what was seen. */
export const faultsTable = ({ byFault }: Figures): Table => ({
  title: 'What each engine’s data did',
  note: 'From the start of each fault to the start of the next one. “Changed”: accepted rows with another value than the row before. “Wrong”: of the results touched, those whose newest row is not the fold at the end. Levels: of claims read while it was on.',
  head: [
    'fault',
    'times',
    'engine',
    'accepted',
    'changed',
    'results',
    'wrong',
    'of them LOW',
    'HIGH',
    'EC',
    'LOW',
    'reasons that came with it',
  ],
  rows: [...byFault]
    .sort((a, b) => (a.kind === b.kind ? (a.engine < b.engine ? -1 : 1) : a.kind < b.kind ? -1 : 1))
    .map(({ kind, times, engine, accepted, changed, touched, wrong, wrongLow, read, reasons }) => [
      ...[kind, times, engine, accepted, changed, touched, wrong, wrongLow, ...shares(read)],
      reasons.join(' ') || NONE,
    ]),
});

/** How far apart the stores were. */
export function storesTable({ byFault }: Figures, judgement: Judgement): Table {
  const stores = [...new Set(byFault.flatMap(({ lagMs }) => Object.keys(lagMs)))];
  const kinds = [...new Map(byFault.map((row) => [row.kind, row])).values()].sort((a, b) => (a.kind < b.kind ? -1 : 1));
  const waits = waitsOf(judgement);
  return {
    title: 'Time differences between stores',
    note: 'The greatest time that each was behind Postgres, by what it said it had applied, from the start of each fault to the start of the next one; and, over all stores, the median time from the start of the fault to the first lower claim, and from its end to the last one.',
    head: ['fault', ...stores, 'seen after', 'gone after'],
    rows: kinds.map(({ kind, lagMs }) => [
      kind,
      ...stores.map((store) => duration(lagMs[store as keyof typeof lagMs])),
      duration(waits(kind, 'degradedAfterMs')),
      duration(waits(kind, 'recoveredAfterMs')),
    ]),
  };
}

function waitsOf({ verdicts }: Judgement) {
  const figures = verdicts.find(({ checker }) => checker === 'usefulness')?.figures as
    { readonly faults?: readonly FaultFigures[] } | undefined;
  return (kind: string, which: 'degradedAfterMs' | 'recoveredAfterMs'): number | null =>
    percentile(
      (figures?.faults ?? [])
        .filter(({ fault }) => fault.split('#')[0] === kind)
        .map((one) => one[which])
        .filter((ms) => ms !== null),
      0.5,
    );
}

export const checkersTable = ({ verdicts }: Judgement): Table => ({
  title: 'Checkers',
  head: ['checker', 'verdict', 'claims', 'false', 'unknown'],
  rows: verdicts.map(({ checker, verdict, claims, violated, unknown }) => [
    ...[checker, verdict, claims, violated],
    Object.entries(unknown)
      .map(([what, { claims: count }]) => `${what} (${count})`)
      .join('; ') || NONE,
  ]),
});

const escaped = (cell: Cell): string => String(cell).replaceAll('|', '\\|');

export const markdownTable = ({ title, note, head, rows }: Table): string[] => [
  `## ${title}`,
  '',
  ...(note === undefined ? [] : [note, '']),
  `| ${head.join(' | ')} |`,
  `| ${head.map(() => '---').join(' | ')} |`,
  ...rows.map((row) => `| ${row.map(escaped).join(' | ')} |`),
  '',
];
