/** A recorded history judged again: the checkers are functions of it, so they say the same again. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FILES } from '../report/files.js';
import { outcomeOf, type Judgement, type Outcome } from '../soak/report.js';
import { differences } from './differences.js';
import { judged } from './drive.js';

export interface Replayed {
  readonly judgement: Judgement;
  readonly outcome: Outcome;
  /** Checkers that say something else than when the run was judged; null: it never was. */
  readonly different: readonly string[] | null;
}

/** @param path of a run's folder, or of the history in it. @throws Error when there is no history */
export async function replay(path: string, staleP99Ms: number | null): Promise<Replayed> {
  const folder = path.endsWith(FILES.history) ? dirname(path) : path;
  if (!existsSync(join(folder, FILES.history))) throw new Error(`there is no ${FILES.history} in ${folder}`);
  const into = mkdtempSync(join(tmpdir(), 'tidemark-replay-'));
  try {
    const judgement = await judged(folder, staleP99Ms ?? limitOf(folder), into);
    return { judgement, outcome: outcomeOf(judgement), different: differences(judgement, before(folder)) };
  } finally {
    rmSync(into, { recursive: true });
  }
}

const json = (folder: string, file: string): unknown =>
  existsSync(join(folder, file)) ? (JSON.parse(readFileSync(join(folder, file), 'utf8')) as unknown) : null;
const before = (folder: string): Judgement | null => json(folder, FILES.verdict) as Judgement | null;
/** That the run was judged with. */
const limitOf = (folder: string): number | null =>
  (json(folder, FILES.run) as { readonly staleP99Ms?: number | null } | null)?.staleP99Ms ?? null;
