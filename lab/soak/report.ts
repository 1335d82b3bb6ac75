/** What a run has shown, for people (Markdown) and for programs (JSON). Pure. */
import { silentPaths, type Path } from '../checkers/paths.js';
import type { Verdict } from '../checkers/verdict.js';
import { percentile, type FaultFigures, type StoreFigures } from '../checkers/usefulness.js';

export interface Judgement {
  /** `violations` are examples; `violated` is how many there were, `violatedBy` of each sentence (runs of before 0.3 lack it). */
  readonly verdicts: readonly (Verdict & {
    readonly violated: number;
    readonly violatedBy?: Readonly<Record<string, number>>;
  })[];
  readonly events: number;
  readonly positions: number;
  readonly answers: number;
  /** Answers with an error in them, or none at all. */
  readonly errors: number;
  /** Row and set claims as they were read, repetitions included. */
  readonly claimsRead: number;
  /** By the name of the query. */
  readonly paths: Readonly<Record<string, Path>>;
  /** What the recorder could not see: then nothing that it did not find is a lie. */
  readonly blind: readonly string[];
  readonly quiet: boolean;
  readonly rows: Readonly<Record<string, number>>;
}

export interface Run {
  readonly what: string;
  readonly command: string;
  readonly date: string;
  readonly seed: number;
  readonly commit: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly minutes: number;
  readonly faults: Readonly<Record<string, number>>;
  /** What had to be started although nobody had asked for its end, and faults that did not heal at once. */
  readonly notes: readonly string[];
}

export type Outcome = 'true' | 'false' | 'unknown';

/** True only if every checker says so, every way of reading was seen, and the end was quiet: what was not seen is not true. */
export function outcomeOf({ verdicts, quiet, blind, paths }: Judgement): Outcome {
  if (verdicts.some(({ verdict }) => verdict === 'false')) return 'false';
  const all = verdicts.length > 0 && verdicts.every(({ verdict }) => verdict === 'true');
  return all && quiet && blind.length === 0 && silentPaths(paths).length === 0 ? 'true' : 'unknown';
}

interface Usefulness {
  readonly stores: Readonly<Record<string, StoreFigures>>;
  readonly withoutFaults: Readonly<Record<string, StoreFigures>>;
  readonly faults: readonly FaultFigures[];
}

const figuresOf = ({ verdicts }: Judgement): Usefulness | null =>
  (verdicts.find(({ checker }) => checker === 'usefulness')?.figures as unknown as Usefulness | undefined) ?? null;

const claimsOf = ({ verdicts }: Judgement): number =>
  verdicts.find(({ checker }) => checker === 'no-overclaim')?.claims ?? 0;

const violatedIn = ({ verdicts }: Judgement, which: (checker: string) => boolean): number =>
  verdicts.reduce((sum, { checker, violated }) => sum + (which(checker) ? violated : 0), 0);
/** A limit of usefulness that was missed makes no claim false: it says that too little was claimed, or too late. */
export const falseOf = (judgement: Judgement): number => violatedIn(judgement, (checker) => checker !== 'usefulness');
const missedOf = (judgement: Judgement): number => violatedIn(judgement, (checker) => checker === 'usefulness');

const MEASURED: Readonly<Record<string, (evidence: Readonly<Record<string, unknown>>) => string>> = {
  'staleness-p99': ({ slackP99, limit }) =>
    `claimed − true staleness ${String(slackP99)} ms (p99), at most ${String(limit)} ms`,
  'false-low': ({ rightLow }) => `${percent(Number(rightLow), 1)} of the claims LOW though right`,
  'high-share': ({ high, final }) => `${String(high)} of ${String(final)} reads of closed windows HIGH`,
};

/** Each in words: what was measured, in which store. */
export const missedLimits = ({ verdicts }: Judgement): string[] =>
  verdicts
    .filter(({ checker }) => checker === 'usefulness')
    .flatMap(({ violations }) =>
      violations.map(({ sentence, key, evidence }) => `${key}: ${MEASURED[sentence]?.(evidence) ?? sentence}`),
    );

/** The verdict for one line: what it is, and why it is not true though nothing was false. */
export function headlineOf(judgement: Judgement): string {
  const missed = missedOf(judgement);
  const lies = `${falseOf(judgement)} false of ${claimsOf(judgement)} claims`;
  return missed === 0 ? lies : `${lies}, but ${missed} limits of usefulness missed (on a busy machine: --stale-p99-ms)`;
}

export function jsonOf(run: Run, judgement: Judgement): object {
  return {
    ...run,
    verdict: outcomeOf(judgement),
    claimsChecked: claimsOf(judgement),
    falseClaims: falseOf(judgement),
    limitsMissed: missedOf(judgement),
    ...judgement,
  };
}

const table = (head: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string[] => [
  `| ${head.join(' | ')} |`,
  `| ${head.map(() => '---').join(' | ')} |`,
  ...rows.map((row) => `| ${row.map((cell) => cell ?? '–').join(' | ')} |`),
];

const percent = (part: number, whole: number): string => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(2)} %`);

const storeRows = (stores: Readonly<Record<string, StoreFigures>>): (string | number | null)[][] =>
  Object.entries(stores).map(([store, { claims, high, low, falseLow, slackP50, slackP99 }]) => [
    ...[store, claims, percent(high, claims), percent(low, claims), percent(falseLow, claims)],
    ...[slackP50, slackP99],
  ]);
const STORE_HEAD = ['store', 'claims', 'HIGH', 'LOW', 'LOW though right', 'claimed − true ms, p50', 'p99'];

/** Per kind of fault: how long until it was seen, and until nothing of it was seen any more, over all stores. */
function faultRows(figures: readonly FaultFigures[], counts: Run['faults']): (string | number | null)[][] {
  return Object.entries(counts).map(([kind, count]) => {
    const own = figures.filter(({ fault }) => fault.split('#')[0] === kind);
    const degraded = own.map(({ degradedAfterMs: ms }) => ms).filter((ms) => ms !== null);
    const recovered = own.map(({ recoveredAfterMs: ms }) => ms).filter((ms) => ms !== null);
    const [seen, gone] = [percentile(degraded, 0.5), percentile(recovered, 0.5)];
    return [kind, count, seen, percentile(degraded, 0.99), gone, percentile(recovered, 0.99)];
  });
}

export function markdownOf(run: Run, judgement: Judgement): string {
  const figures = figuresOf(judgement);
  const lines = [
    `# ${run.what}: ${outcomeOf(judgement)}`,
    '',
    `**${falseOf(judgement)} false of ${claimsOf(judgement)} claims** (a claim counts once per key, row position and fault; ${judgement.claimsRead} were read in ${judgement.answers} answers, ${judgement.errors} of them with an error).`,
    '',
    ...table(
      ['', ''],
      [
        ['command', `\`${run.command}\``],
        ['date', run.date],
        ['commit', run.commit],
        ['seed', run.seed],
        [
          'machine',
          Object.entries(run.machine)
            .map(([name, value]) => `${name} ${value}`)
            .join(', '),
        ],
        ['minutes', run.minutes.toFixed(1)],
        ['source events', judgement.events],
        ['positions', judgement.positions],
        [
          'rows at the end',
          Object.entries(judgement.rows)
            .map(([store, rows]) => `${store} ${rows}`)
            .join(', '),
        ],
        ['limits of usefulness missed', missedOf(judgement)],
        ['quiet at the end', judgement.quiet ? 'yes' : 'no'],
        ['faults', Object.values(run.faults).reduce((a, b) => a + b, 0)],
      ],
    ),
    '',
    '## Checkers',
    '',
    ...table(
      ['checker', 'verdict', 'claims', 'false', 'unknown'],
      judgement.verdicts.map(({ checker, verdict, claims, violated, unknown }) => [
        ...[checker, verdict, claims, violated],
        Object.entries(unknown)
          .map(([what, one]) => `${what} (${one.claims})`)
          .join('; ') || '–',
      ]),
    ),
    '',
    '## What was read',
    '',
    ...table(
      ['query', 'answers', 'with an error', 'claims', 'the usual error'],
      Object.entries(judgement.paths).map(([name, path]) => [
        ...[name, path.answers, path.errors, path.claims, path.usualError],
      ]),
    ),
    '',
    '## Usefulness',
    '',
    'Before the first fault, once all servers had been under load for a while:',
    '',
    ...table(STORE_HEAD, storeRows(figures?.withoutFaults ?? {})),
    '',
    'The whole run, faults included:',
    '',
    ...table(STORE_HEAD, storeRows(figures?.stores ?? {})),
    '',
    '## Faults',
    '',
    'Milliseconds from the start of a fault to the first lower claim, and from its end to the last one, over all stores.',
    '',
    ...table(
      ['fault', 'times', 'seen after, p50', 'p99', 'gone after, p50', 'p99'],
      faultRows(figures?.faults ?? [], run.faults),
    ),
    ...section('Notes', [...run.notes, ...judgement.blind.map((what) => `The recorder was blind: ${what}`)]),
    ...section('Limits of usefulness that were missed', missedLimits(judgement)),
    ...section(
      'False claims',
      judgement.verdicts
        .filter(({ checker }) => checker !== 'usefulness')
        .flatMap(({ checker, violations }) =>
          violations
            .slice(0, 5)
            .map((one) => `${checker}, ${one.sentence}: \`${one.key}\` at ${one.position}, ${one.fault || 'no fault'}`),
        ),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

const section = (title: string, items: readonly string[]): string[] =>
  items.length === 0 ? [] : ['', `## ${title}`, '', ...items.map((item) => `- ${item}`)];
