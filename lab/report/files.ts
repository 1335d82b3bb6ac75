/** What lies in the folder of a run beside its history, so that a report can be made again without judging again. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HISTORY_FILE } from '../history/file.js';
import type { Judgement, Run } from '../soak/report.js';
import type { Figures } from './figures.js';

export const FILES = {
  history: HISTORY_FILE,
  run: 'run.json',
  verdict: 'verdict.json',
  figures: 'figures.json',
  markdown: 'report.md',
  json: 'report.json',
  html: 'report.html',
} as const;

/** All that a report is made of. */
export interface Told {
  readonly run: Run;
  readonly judgement: Judgement;
  readonly figures: Figures;
}

const read = <T>(folder: string, file: string): T => JSON.parse(readFileSync(join(folder, file), 'utf8')) as T;

export const writeRun = (folder: string, run: Run): void =>
  writeFileSync(join(folder, FILES.run), `${JSON.stringify(run, null, 1)}\n`);

/** @throws Error when it is no folder of a run, or it was never judged */
export const readTold = (folder: string): Told => ({
  run: read<Run>(folder, FILES.run),
  judgement: read<Judgement>(folder, FILES.verdict),
  figures: read<Figures>(folder, FILES.figures),
});
