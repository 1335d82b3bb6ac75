/**
 * `judge.ts <folder> [staleP99Ms] [into]`: what the checkers say of a recorded history, as `verdict.json` beside it or in another folder,
 * and what it shows over time, as `figures.json`. A process of its own, so that it has all the memory that it needs.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkAll, tableOf } from '../checkers/index.js';
import { pathsOf } from '../checkers/paths.js';
import { readHistory } from '../history/file.js';
import { FILES } from '../report/files.js';
import { figuresOf } from '../report/figures.js';
import type { Judgement } from './report.js';

/** So many examples of each kind of lie are enough to look for its cause. */
const EXAMPLES = 50;

const countsOf = (names: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};

const [folder = '', staleP99Ms = '', into = folder] = process.argv.slice(2);
const history = await readHistory(folder);
const verdicts = checkAll(history, staleP99Ms === '' ? {} : { staleP99Ms: Number(staleP99Ms) });
const judgement: Judgement = {
  verdicts: verdicts.map((verdict) => ({
    ...verdict,
    violations: verdict.violations.slice(0, EXAMPLES),
    violated: verdict.violations.length,
    violatedBy: countsOf(verdict.violations.map(({ sentence }) => sentence)),
  })),
  events: history.events.length,
  positions: history.truth.length,
  answers: history.answers.length,
  errors: history.answers.filter(({ error }) => error !== undefined).length,
  claimsRead: history.answers.reduce((sum, { claims }) => sum + claims.length, 0),
  paths: pathsOf(history.answers),
  blind: history.blind.map(({ what }) => what),
  quiet: history.quiet !== null,
  rows: Object.fromEntries(history.dumped.map(({ store, rows }) => [store, rows])),
};
writeFileSync(join(into, FILES.verdict), `${JSON.stringify(judgement)}\n`);
writeFileSync(join(into, FILES.figures), `${JSON.stringify(figuresOf(history))}\n`);
process.stderr.write(tableOf(verdicts));
