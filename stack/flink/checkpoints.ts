/** What can be resumed from: complete checkpoints of every job that ran on this folder, and savepoints. */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A checkpoint is complete once it has this file, which Flink writes last. */
const COMPLETE = '_metadata';
const SAVEPOINTS = 'savepoints';
/** Job folders besides the running job's that are kept: what it was resumed from, and one more for a person. */
const KEPT_JOBS = 2;

export interface Saved {
  readonly path: string;
  /** Folder of the job; null: a savepoint. */
  readonly job: string | null;
  /** null: a savepoint, whose name does not say. */
  readonly number: number | null;
  readonly completedMs: number;
}

/** The newest of them. Numbers go on after a restore, and repeat after a restore from an older one: time decides. Pure. */
export function newest(saved: readonly Saved[]): Saved | null {
  const order = (a: Saved, b: Saved): number => b.completedMs - a.completedMs || (b.number ?? 0) - (a.number ?? 0);
  return [...saved].sort(order)[0] ?? null;
}

/** Folders of jobs that nobody resumes from any more, once `current` can be resumed from. Pure. */
export function removable(saved: readonly Saved[], folders: readonly string[], current: string): string[] {
  if (!saved.some(({ job }) => job === current)) return [];
  const newestOf = (folder: string): number =>
    newest(saved.filter(({ job }) => job === folder))?.completedMs ?? -Infinity;
  const others = folders.filter((folder) => folder !== current).sort((a, b) => newestOf(b) - newestOf(a));
  return others.slice(KEPT_JOBS);
}

const names = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    // Not there yet, or removed meanwhile.
    return [];
  }
};

function savedAt(path: string, job: string | null, number: number | null): Saved[] {
  try {
    return [{ path, job, number, completedMs: statSync(join(path, COMPLETE)).mtimeMs }];
  } catch {
    // Not complete.
    return [];
  }
}

export class CheckpointFolder {
  constructor(readonly root: string) {}

  newest(): Saved | null {
    return newest(this.saved());
  }

  /** Number of the newest complete one of a job; 0: none. */
  newestOf(job: string): number {
    return Math.max(0, ...this.ofJob(job).map(({ number }) => number ?? 0));
  }

  /** Removes what `removable` names. */
  tidy(current: string): void {
    for (const folder of removable(this.saved(), this.jobFolders(), current))
      rmSync(join(this.root, folder), { recursive: true, force: true });
  }

  private jobFolders(): string[] {
    return names(this.root).filter((name) => /^[0-9a-f]{32}$/.test(name));
  }

  private saved(): Saved[] {
    const ofJobs = this.jobFolders().flatMap((job) => this.ofJob(job));
    const savepoints = names(join(this.root, SAVEPOINTS)).flatMap((name) =>
      savedAt(join(this.root, SAVEPOINTS, name), null, null),
    );
    return [...ofJobs, ...savepoints];
  }

  private ofJob(job: string): Saved[] {
    return names(join(this.root, job)).flatMap((name) => {
      const number = /^chk-(\d+)$/.exec(name)?.[1];
      return number === undefined ? [] : savedAt(join(this.root, job, name), job, Number(number));
    });
  }
}
