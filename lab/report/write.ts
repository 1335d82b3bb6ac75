/** The reports of a judged run, into its folder: for people (Markdown, HTML) and for programs (JSON). */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonOf, markdownOf } from '../soak/report.js';
import { FILES, readTold, type Told } from './files.js';
import { htmlOf } from './html.js';
import { enginesTable, faultsTable, markdownTable, storesTable } from './tables.js';

export function reportMarkdown({ run, judgement, figures }: Told): string {
  const tables = [enginesTable(figures), faultsTable(figures), storesTable(figures, judgement)];
  return `${markdownOf(run, judgement)}\n${tables.flatMap(markdownTable).join('\n')}`;
}

/** @throws Error when the folder is none of a run that was judged. @returns the page's path */
export function writeReports(folder: string): { readonly html: string; readonly told: Told } {
  const told = readTold(folder);
  const { figures, run, judgement } = told;
  // The series are in figures.json already.
  const { byFault, engines } = figures;
  const json = { ...jsonOf(run, judgement), byFault, engines };
  writeFileSync(join(folder, FILES.markdown), reportMarkdown(told));
  writeFileSync(join(folder, FILES.json), `${JSON.stringify(json, null, 1)}\n`);
  const html = join(folder, FILES.html);
  writeFileSync(html, htmlOf(told));
  return { html, told };
}
