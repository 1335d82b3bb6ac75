/**
 * Dead letters that nobody has settled, held against what they could belong to (contract.md §3, DEAD_LETTER; ADR 9). Pure.
 *
 * What an engine emits after a broken source record names it (`evidence.lost`), and is capped when it is stored. What was
 * there before, and is still open, is lowered here, when it is read: an order of the same symbol may be the very one that
 * the broken record would have changed.
 */
import type { ResultKey } from '../position/commit-log.js';

/** All unsettled letters of one reporter, place and Kafka key. */
export interface LetterMark {
  /** `ingest` for records of a result topic, else the pipeline that could not decode records of its source. */
  readonly reportedBy: string;
  readonly topic: string;
  readonly partition: number;
  readonly kafkaKey: string | null;
  /** The last one's. */
  readonly offset: number;
}

/** What must be known of a row; a stored result of the store port fits. */
export interface HeldRow extends ResultKey {
  readonly final: boolean;
  readonly pipeline: string;
  readonly resultPartition: number;
  readonly coverage: Readonly<Record<string, readonly [number, number]>> | null;
  readonly calculatedValue: Readonly<Record<string, unknown>>;
}

/** Members of a statistic: which source offsets they cover is not known. */
export interface HeldMembers {
  readonly final: boolean;
  readonly pipeline: string;
  readonly resultPartition: number;
}

/** Beyond so many marks nothing is told apart any more: everything is held. */
export const MOST_MARKS = 1_000;

const INGEST = 'ingest';
/** Kafka keys are text of any kind; this can't be one (a NUL never gets into Postgres). */
const NO_KEY = '\u0000';

interface SourceMark {
  readonly partition: string;
  /** By Kafka key. */
  readonly last: Map<string, number>;
}

export class OpenLetters {
  private readonly sources = new Map<string, SourceMark[]>();
  /** By result topic and partition: the Kafka keys, which are business keys. */
  private readonly results = new Map<string, Set<string>>();
  private readonly all: boolean;

  /** @param marks at most MOST_MARKS are told apart */
  constructor(marks: readonly LetterMark[]) {
    this.all = marks.length > MOST_MARKS;
    for (const mark of marks) {
      const key = mark.kafkaKey ?? NO_KEY;
      if (mark.reportedBy === INGEST) {
        const place = `${mark.topic}/${mark.partition}`;
        this.results.set(place, (this.results.get(place) ?? new Set()).add(key));
        continue;
      }
      const marksOf = this.sources.get(mark.reportedBy) ?? [];
      this.sources.set(mark.reportedBy, marksOf);
      const partition = String(mark.partition);
      let source = marksOf.find((known) => known.partition === partition);
      if (source === undefined) marksOf.push((source = { partition, last: new Map() }));
      source.last.set(key, Math.max(mark.offset, source.last.get(key) ?? -1));
    }
  }

  /** @param resultTopic of the row's pipeline; null: unknown, so a letter of any topic may concern it */
  holdsRow(row: HeldRow, resultTopic: string | null): boolean {
    if (this.all) return true;
    if (this.sources.size === 0 && this.results.size === 0) return false;
    const keys = this.keysAt(resultTopic, row.resultPartition);
    // A record under the result's own key can tell of something that a final result must say, too: a late drop.
    if (keys.some((set) => set.has(row.businessKey) || (!row.final && set.has(NO_KEY)))) return true;
    if (row.final) return false;
    const { symbol } = row.calculatedValue;
    return (this.sources.get(row.pipeline) ?? []).some((source) => {
      const span = row.coverage === null ? ([-1, -1] as const) : row.coverage[source.partition];
      return span !== undefined && lastOf(source, symbol) > span[0];
    });
  }

  /** A null is held by a broken record under that very key. One in the source makes no result that is not there yet. */
  holdsNull(key: ResultKey, resultTopics: readonly string[]): boolean {
    if (this.all) return true;
    return resultTopics.some((topic) =>
      [...this.results].some(([place, keys]) => place.startsWith(`${topic}/`) && keys.has(key.businessKey)),
    );
  }

  holdsMembers({ final, pipeline, resultPartition }: HeldMembers, resultTopic: string | null, symbol: string): boolean {
    if (this.all) return true;
    const keys = this.keysAt(resultTopic, resultPartition);
    // Whose key it is can't be seen from a group.
    if (keys.some((set) => !final || [...set].some((key) => key !== NO_KEY))) return true;
    return !final && (this.sources.get(pipeline) ?? []).some((source) => lastOf(source, symbol) >= 0);
  }

  private keysAt(topic: string | null, partition: number): Set<string>[] {
    if (this.results.size === 0) return [];
    const places = topic === null ? [...this.results.keys()] : [`${topic}/${partition}`];
    return places.flatMap((place) => this.results.get(place) ?? []);
  }
}

/** The last letter that could be one of the symbol's; -1: none. A result without a symbol could be anybody's. */
function lastOf({ last }: SourceMark, symbol: unknown): number {
  if (typeof symbol !== 'string') return Math.max(...last.values());
  return Math.max(last.get(symbol) ?? -1, last.get(NO_KEY) ?? -1);
}

export const NO_LETTERS = new OpenLetters([]);
