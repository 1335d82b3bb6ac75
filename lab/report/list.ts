/** The runs that lie in a folder, each with what its report says: for whoever lists them. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Outcome } from '../soak/report.js';
import { FILES } from './files.js';

export interface RunSummary {
  /** Name of its folder. */
  readonly id: string;
  readonly what: string;
  /** ISO-8601. */
  readonly date: string;
  readonly verdict: Outcome;
  readonly seed: number;
  readonly commit: string;
  readonly minutes: number;
  readonly faults: number;
  readonly claims: number;
  readonly falseClaims: number;
  readonly limitsMissed: number;
}

interface Report extends Omit<RunSummary, 'id' | 'faults' | 'claims'> {
  readonly faults: Readonly<Record<string, number>>;
  readonly claimsChecked: number;
}

const MOST = 100;
/** What a folder of a run may be called: nothing that leads out of it. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,120}$/;

/** Remembers what it has read: a report changes only if it is made again. */
export class Runs {
  private readonly known = new Map<string, { readonly changedMs: number; readonly summary: RunSummary | null }>();

  constructor(private readonly folder: string) {}

  /** The newest first, at most a hundred; what was never judged is left out. */
  list(): RunSummary[] {
    const names = existsSync(this.folder) ? readdirSync(this.folder).filter((name) => NAME.test(name)) : [];
    return names
      .flatMap((name) => this.summaryOf(name) ?? [])
      .sort((a, b) => (a.date < b.date ? 1 : -1))
      .slice(0, MOST);
  }

  /** The page of a run; null: there is none. */
  page(id: string): string | null {
    const path = join(this.folder, id, FILES.html);
    return NAME.test(id) && existsSync(path) ? readFileSync(path, 'utf8') : null;
  }

  private summaryOf(id: string): RunSummary | null {
    const path = join(this.folder, id, FILES.json);
    const changedMs = existsSync(path) ? statSync(path).mtimeMs : null;
    if (changedMs === null) return null;
    const known = this.known.get(id);
    if (known?.changedMs === changedMs) return known.summary;
    const summary = summaryIn(id, path);
    this.known.set(id, { changedMs, summary });
    return summary;
  }
}

/** null: half written, or none of ours. */
function summaryIn(id: string, path: string): RunSummary | null {
  try {
    const { what, date, verdict, seed, commit, minutes, ...rest } = JSON.parse(readFileSync(path, 'utf8')) as Report;
    const { faults, claimsChecked: claims, falseClaims, limitsMissed } = rest;
    const times = Object.values(faults).reduce((sum, count) => sum + count, 0);
    return { id, what, date, verdict, seed, commit, minutes, faults: times, claims, falseClaims, limitsMissed };
  } catch {
    return null;
  }
}
