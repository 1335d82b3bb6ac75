/** The accepted writes of a history, ready to be asked: which row was the newest when, and what was current when. Pure. */
import { PgClock } from '../history/clock.js';
import { keyOf, type Document, type Engine, type History } from '../history/types.js';

export interface Version {
  readonly position: number;
  readonly committedAtUs: number;
  readonly document: Document;
}

/** How many of a sorted list come before: `before` holds for the first ones and for no later one. */
export function countWhere<T>(sorted: readonly T[], before: (element: T) => boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(sorted[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}

const lastWhere = <T>(sorted: readonly T[], before: (element: T) => boolean): T | undefined =>
  sorted[countWhere(sorted, before) - 1];

export const msOf = (iso: string): number => Date.parse(iso);

export class TruthIndex {
  readonly clock: PgClock;
  /** The newest position that was recorded. */
  readonly last: number;
  /** Rows older than this may be unknown: the recording began here. */
  readonly from: number;
  /** Something made the recorder blind: what is not found proves nothing. */
  readonly blind: boolean;
  readonly engines: ReadonlySet<Engine>;
  readonly incarnations: ReadonlySet<string>;
  private readonly byKey = new Map<string, Version[]>();
  private readonly entries: { readonly position: number; readonly committedAtUs: number }[] = [];
  /** Commit time rounded down to the millisecond → the lowest position with it. */
  private readonly byMs = new Map<number, number>();
  private readonly received: { readonly at: number; readonly position: number }[] = [];
  private readonly sent: { readonly at: number; readonly position: number }[] = [];
  private readonly pipelines = new Map<Engine, Set<string>>();
  private readonly matching = new Map<string, string[]>();

  constructor(history: History) {
    this.clock = new PgClock(history.polls);
    const engines = new Set<Engine>();
    const baselines = history.truth.filter((truth) => truth.baseline === true);
    const logged = history.truth.filter((truth) => truth.baseline !== true);
    for (const { position, committedAtUs, documents } of [...baselines, ...logged]) {
      for (const document of documents) {
        engines.add(document.engine);
        const pipelines = this.pipelines.get(document.engine) ?? new Set<string>();
        this.pipelines.set(document.engine, pipelines.add(document.pipeline));
        const versions = this.byKey.get(keyOf(document)) ?? [];
        this.byKey.set(keyOf(document), versions);
        versions.push({ position, committedAtUs, document });
      }
    }
    for (const versions of this.byKey.values()) versions.sort((a, b) => a.position - b.position);
    for (const { position, committedAtUs } of logged) {
      this.entries.push({ position, committedAtUs });
      const ms = Math.floor(committedAtUs / 1000);
      if (!this.byMs.has(ms)) this.byMs.set(ms, position);
    }
    this.engines = engines;
    this.last = this.entries.at(-1)?.position ?? 0;
    this.from = this.entries[0]?.position ?? 0;
    const gap = this.entries.some((entry, i) => i > 0 && entry.position !== (this.entries[i - 1]?.position ?? 0) + 1);
    this.incarnations = new Set(history.truth.map(({ incarnation }) => incarnation));
    this.blind = gap || this.incarnations.size > 1 || history.blind.length > 0;
    this.indexPolls(history);
  }

  keys(): Iterable<string> {
    return this.byKey.keys();
  }

  versions(key: string): readonly Version[] {
    return this.byKey.get(key) ?? [];
  }

  at(key: string, position: number): Version | null {
    const found = this.newest(key, position);
    return found?.position === position ? found : null;
  }

  /** The newest version at or below a position. */
  newest(key: string, position = Number.MAX_SAFE_INTEGER): Version | null {
    return lastWhere(this.versions(key), (version) => version.position <= position) ?? null;
  }

  /** The first version beyond a position. */
  next(key: string, position: number): Version | null {
    const versions = this.versions(key);
    return versions[countWhere(versions, (version) => version.position <= position)] ?? null;
  }

  /** Of a key without a row it is known when its engine has but one pipeline. */
  pipelineOf(key: string, engine: Engine): string {
    const only = this.pipelines.get(engine);
    return this.newest(key)?.document.pipeline ?? (only?.size === 1 ? ([...only][0] ?? engine) : engine);
  }

  /** The lowest position whose commit time, to the millisecond, is this; null: no accepted write has it. */
  positionAt(iso: string): number | null {
    return this.byMs.get(msOf(iso)) ?? null;
  }

  committedAt(position: number): number | null {
    const found = lastWhere(this.entries, (entry) => entry.position <= position);
    return found?.position === position ? found.committedAtUs : null;
  }

  /** A position that was certainly committed by then: seen in an answer that had come. */
  currentLow(mono: number): number {
    return lastWhere(this.received, ({ at }) => at <= mono)?.position ?? 0;
  }

  /** Nothing beyond was committed by then: a look that was sent later saw no more. null: nobody looked later. */
  currentHigh(mono: number): number | null {
    return this.sent[countWhere(this.sent, ({ at }) => at < mono)]?.position ?? null;
  }

  /** When a position had certainly been seen, by the recorder's clock. */
  seenAt(position: number): number | null {
    return this.received[countWhere(this.received, (look) => look.position < position)]?.at ?? null;
  }

  /** Keys of a kind that ever had these members in their value. */
  matchingKeys(kind: string, engine: Engine, where: Readonly<Record<string, string>>): readonly string[] {
    const id = `${kind}|${engine}|${JSON.stringify(where)}`;
    let keys = this.matching.get(id);
    if (keys === undefined) {
      keys = [...this.byKey.entries()].flatMap(([key, versions]) => {
        const document = versions.at(-1)?.document;
        const fits = document?.kind === kind && document.engine === engine;
        return fits && versions.some((v) => Object.entries(where).every(([n, x]) => v.document.value[n] === x))
          ? [key]
          : [];
      });
      this.matching.set(id, keys);
    }
    return keys;
  }

  private indexPolls(history: History): void {
    const polls = [...history.polls].sort((a, b) => a.received - b.received);
    let highest = -1;
    for (const { received, position } of polls) {
      if (position > highest) this.received.push({ at: received, position: (highest = position) });
    }
    for (const { sent, position } of history.polls) {
      if (this.sent.at(-1)?.position !== position) this.sent.push({ at: sent, position });
      else this.sent[this.sent.length - 1] = { at: sent, position };
    }
  }
}
