/** All checkers, and what they say of a history as a table for people. */
import type { History } from '../history/types.js';
import { completeness } from './completeness.js';
import { convergence } from './convergence.js';
import { exactlyOnce } from './exactly-once.js';
import { noOverclaim } from './no-overclaim.js';
import { requirements } from './requirements.js';
import { monotonicReads, readYourWrites } from './sessions.js';
import { usefulness } from './usefulness.js';
import type { Checker, Options, Verdict } from './verdict.js';
import { conservedTotal, perKeySequence, SEQUENCES, TRANSFERS } from './workloads.js';

export const CHECKERS: Readonly<Record<string, Checker>> = {
  'no-overclaim': noOverclaim,
  'exactly-once': exactlyOnce,
  convergence,
  completeness,
  usefulness,
  'monotonic-reads': monotonicReads,
  'read-your-writes': readYourWrites,
};

/** Of what only some runs do: otherwise nothing could be checked, and a run of which something was not checked is not true. */
export function checkersOf({ meta, answers }: History): Checker[] {
  const { workloads } = meta.notes;
  const has = (workload: string): boolean => Array.isArray(workloads) && workloads.includes(workload);
  return [
    ...Object.values(CHECKERS),
    ...(answers.some(({ needs }) => needs !== undefined) ? [requirements] : []),
    ...(has(TRANSFERS) ? [conservedTotal] : []),
    ...(has(SEQUENCES) ? [perKeySequence] : []),
  ];
}

export const checkAll = (history: History, options: Options = {}): Verdict[] =>
  checkersOf(history).map((checker) => checker(history, options));

export function tableOf(verdicts: readonly Verdict[]): string {
  const lines = verdicts.flatMap(({ checker, verdict, claims, violations, exercised, unknown, figures }) => [
    `${checker.padEnd(18)} ${verdict.padEnd(8)} ${claims} claims, ${violations.length} violations`,
    ...Object.entries(exercised).map(([sentence, count]) => `    ${sentence.padEnd(22)} ${count}`),
    ...Object.entries(unknown).map(([what, { claims: count }]) => `    unknown: ${what} (${count})`),
    ...(figures === undefined ? [] : [`    ${JSON.stringify(figures)}`]),
    ...violations.slice(0, 5).map((violation) => `    FALSE ${JSON.stringify(violation)}`),
  ]);
  return `${lines.join('\n')}\n`;
}
