/** One look at what may be missing after a loss (ADR 19): read the source, name what it makes, ask for what has no row. */
import type { OrderEvent } from '../../wire/event.js';
import { parseEventText } from '../../wire/parse-event.js';
import type { Settings } from '../../fold/settings.js';
import type { LogConsumer } from '../log/port.js';
import type { RawLog } from '../raw/port.js';
import { Census, type Made } from './census.js';
import type { CensusStore, Due } from './census-store.js';
import { REPROCESSABLE } from './fold.js';
import type { EventPlace } from './kind.js';
import { scan, type Scanned } from './scan.js';

export interface CensusOptions {
  readonly store: CensusStore;
  readonly settings: Settings;
  readonly partitionsOf: (topic: string) => Promise<number>;
  /** A consumer of the source that is alone in its group; a new one for each scan. */
  readonly consumer: () => LogConsumer;
  readonly rawLog: Pick<RawLog, 'read'>;
  /** Nothing of these kinds is missing for the loss any more: absences are trusted again. */
  readonly recovered: (due: Due, kinds: readonly string[]) => Promise<void>;
  readonly monotonicMs: () => number;
  readonly limits: CensusLimits;
  readonly log: (level: 'info' | 'warn', message: string, fields: Record<string, unknown>) => void;
}

export interface CensusLimits {
  /** Results that one look asks for. */
  readonly batch: number;
  readonly leaseMs: number;
  readonly idleMs: number;
  readonly scanMs: number;
  /** What is on its way has so long to come by itself before it is recomputed, and a look rests for as long. */
  readonly settleMs: number;
}

/** Result partitions that one reading of the source is for: each remembers the orders of its symbols. */
const AT_ONCE = 16;
const COULD_NOT = 'could not be recomputed: the requests say why';

/** Why it can't be known what is missing; null: it can. */
function goneOf(
  scanned: ReadonlyMap<number, Scanned>,
  moved: readonly string[],
): { readonly code: string; readonly message: string } | null {
  for (const [partition, own] of scanned) {
    if (!('expired' in own)) continue;
    const message = `Source partition ${partition}: ${own.expired}, and the raw log does not hold what was before.`;
    return { code: 'SOURCE_EXPIRED', message };
  }
  if (moved.length === 0) return null;
  const message = `Events of ${moved.slice(0, 5).join(', ')} lie in several source partitions, so their order is not known.`;
  return { code: 'SOURCE_KEY_MOVED', message };
}

/** One place that is looked at: what of it is missing, as the source comes by. */
class Looking {
  missing = 0;
  failed = 0;
  readonly census: Census;

  constructor(
    private readonly options: CensusOptions,
    readonly due: Due,
    resultPartitions: number,
  ) {
    const { settings } = options;
    const at = { resultPartition: due.partition, resultPartitions };
    this.census = new Census(settings, at, (made) => this.ask(made));
  }

  take(event: OrderEvent, timeMs: number, place: EventPlace): void | Promise<void> {
    const { upTo } = this.due;
    if (upTo === null || place.offset < (upTo[place.partition] ?? 0)) return this.census.take(event, timeMs, place);
  }

  private async ask(made: readonly Made[]): Promise<void> {
    const left = this.options.limits.batch - (this.missing - this.failed);
    // The rest is found by the next look, once these have a row.
    if (left <= 0) return;
    const lack = await this.options.store.ask(this.due, made, left);
    this.missing += lack.missing;
    this.failed += lack.failed;
  }

  /** The source was read. */
  async end(scanned: ReadonlyMap<number, Scanned>): Promise<void> {
    const { options, due, census } = this;
    const { store, limits } = options;
    await census.flush();
    await store.release(due, limits.settleMs, census.moved);
    const { missing, failed } = this;
    const gone = goneOf(scanned, census.moved);
    const upTo = due.upTo ?? endsOf(scanned);
    if (gone !== null) await store.fail(due, null, gone.code, gone.message);
    else if (missing > 0 && missing === failed && reached(scanned, upTo))
      await store.fail(due, missing, 'REPROCESSING_FAILED', `${missing} results that are missing ${COULD_NOT}.`);
    // What was not read may be missing as well.
    else if (missing > 0 || !reached(scanned, upTo)) await store.again(due, upTo, missing, limits.settleMs);
    else {
      await options.recovered(due, [...REPROCESSABLE.keys()]);
      await store.done(due);
    }
    const level = gone === null && failed === 0 ? 'info' : 'warn';
    options.log(level, 'output was lost: looked for what is missing', { ...due, missing, failed, gone });
  }
}

const endsOf = (scanned: ReadonlyMap<number, Scanned>): Record<string, number> =>
  Object.fromEntries([...scanned].map(([partition, own]) => [String(partition), 'upTo' in own ? own.end : 0]));

/** Was it read as far in every partition? */
const reached = (scanned: ReadonlyMap<number, Scanned>, upTo: Readonly<Record<string, number>>): boolean =>
  [...scanned].every(([partition, own]) => 'upTo' in own && own.upTo >= (upTo[partition] ?? 0));

/** @returns false: no loss is waiting for a look */
export async function runCensus(
  options: CensusOptions,
  sourcePartitions: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { store, limits } = options;
  await store.notice();
  if (sourcePartitions === 0) return false;
  const dues = await store.claim(limits.leaseMs, AT_ONCE);
  if (dues.length === 0) return false;
  const renewing = setInterval(() => {
    for (const due of dues) void store.renew(due, limits.leaseMs).catch(() => undefined);
  }, limits.leaseMs / 3);
  try {
    const places: Looking[] = [];
    for (const due of dues) places.push(new Looking(options, due, await options.partitionsOf(due.topic)));
    const scanned = await scan({
      consumer: options.consumer(),
      partitions: new Set(Array.from({ length: sourcePartitions }, (_, partition) => partition)),
      take: async (partition, { offset, value }) => {
        const parsed = value === null ? null : parseEventText(value.toString('utf8'));
        // An undecodable one makes nothing; what it may be missing from is said of that (ADR 9).
        if (parsed === null || parsed.kind === 'broken') return;
        for (const one of places) await one.take(parsed.event, parsed.eventTimeMs, { partition, offset });
      },
      rawLog: options.rawLog,
      idleMs: limits.idleMs,
      limitMs: limits.scanMs,
      signal,
      monotonicMs: options.monotonicMs,
    });
    for (const place of places) await place.end(scanned);
  } finally {
    clearInterval(renewing);
  }
  return true;
}
