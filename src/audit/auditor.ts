/**
 * Walks through a read model, bucket by bucket, and holds it against Postgres (contract.md §7; docs/adr/0018). What differs is written
 * down first, so that no answer rests on it, then repaired, then read again, and only then settled.
 */
import type { Pool } from 'pg';
import { AppError, asError } from '../errors.js';
import { keyOf } from '../position/commit-log.js';
import type { Highest } from '../position/highest.js';
import type { Applied, ReadModel, Repair, ScanRange, StoredResult } from '../stores/port.js';
import { PROCESSING_ENGINES, type Store } from '../words.js';
import { compare, judgeAgain, type Divergence } from './compare.js';
import { Ledger, type Place } from './ledger.js';
import { truthOfKeys, truthOfRange } from './truth.js';

/** While so many of one store are open, nothing further is looked for: what can't be repaired does not grow without bound. */
const MOST_OPEN = 1_000;
/** Empty ranges that one round may pass over. */
const MOST_EMPTY = 16;

export interface AuditorOptions {
  readonly pool: Pool;
  readonly highest: Highest;
  /** Kinds that clients can ask for, beside those that Postgres has results of. */
  readonly kinds: readonly string[];
  /** Of one bucket; at most 5,000. */
  readonly rows: number;
  /** Of this server: a UUID. */
  readonly holder: string;
  readonly tell?: Partial<AuditNews>;
}

/** For people and metrics. */
export interface AuditNews {
  compared(store: Store, keys: number): void;
  found(store: Store, divergences: readonly Divergence[]): void;
  repaired(store: Store, divergences: readonly Divergence[]): void;
  open(store: Store, divergences: number): void;
  finished(store: Store): void;
  /** The divergences stay open, and are tried again in the next round. */
  failed(store: Store, error: Error): void;
}

export class Auditor {
  private readonly ledger: Ledger;
  private readonly tell: Partial<AuditNews>;

  constructor(private readonly options: AuditorOptions) {
    this.ledger = new Ledger(options.pool, options.highest, options.holder);
    this.tell = options.tell ?? {};
  }

  /**
   * What is open is repaired again, then one bucket is compared.
   * @returns false: another server audits this store
   * @throws AppError STORE_UNAVAILABLE, POSITION_UNKNOWN, CLOCK_REWOUND, or what Postgres says: the next round goes on from here
   */
  async round(model: ReadModel): Promise<boolean> {
    const { store } = model;
    const turn = await this.ledger.takeTurn(store);
    if (turn === null) return false;
    this.tell.open?.(store, turn.open);
    await this.ledger.forget();
    await this.mend(model, await this.ledger.open(store, this.options.rows));
    if (turn.open < MOST_OPEN) await this.bucket(model, turn.place);
    return true;
  }

  private async bucket(model: ReadModel, from: Place | null): Promise<void> {
    const { store } = model;
    let place = from ?? (await this.placeAfter(null));
    for (let empty = 0; place !== null && empty < MOST_EMPTY; empty += 1) {
      const range: ScanRange = { ...place, limit: this.options.rows };
      const { applied, data } = await model.scan(range);
      const truth = applied === null ? null : await truthOfRange(this.options.pool, range, applied);
      // Of another history, or of one that can't be told apart: nothing is judged, and the projection rebuilds it.
      if (truth === null || applied === null) return;
      const at = { applied: applied.position, expiredTo: truth.expiredTo };
      const { divergences, keys, upTo } = compare(range, data, truth.rows, at);
      this.tell.compared?.(store, keys);
      const found = await this.ledger.note(store, divergences);
      if (found.length > 0) this.tell.found?.(store, found);
      await this.mend(model, divergences);
      const next: Place | null = upTo === null ? await this.placeAfter(place) : { ...place, after: upTo };
      await this.ledger.moveTo(store, next, next === null);
      if (next === null) this.tell.finished?.(store);
      if (data.length + truth.rows.length > 0) return;
      place = next;
    }
  }

  /** The next kind and engine, from their beginning; null: that was all. */
  private async placeAfter(place: Place | null): Promise<Place | null> {
    const [first, ...further] = PROCESSING_ENGINES;
    if (place !== null && place.engine === first && further[0] !== undefined)
      return { kind: place.kind, engine: further[0], after: '' };
    const now = place?.kind ?? '';
    const stored = await this.ledger.kindAfter(now);
    const kinds = [...this.options.kinds, ...(stored === null ? [] : [stored])].filter(
      (kind) => byBytes(kind, now) > 0,
    );
    const [kind] = kinds.sort(byBytes);
    return kind === undefined ? null : { kind, engine: first, after: '' };
  }

  private async mend(model: ReadModel, divergences: readonly Divergence[]): Promise<void> {
    if (divergences.length === 0) return;
    try {
      await this.mendAll(model, divergences);
    } catch (error) {
      if (!isOfOne(error)) throw error;
      if (divergences.length === 1) {
        this.tell.failed?.(model.store, asError(error));
        return;
      }
      for (const divergence of divergences) await this.mend(model, [divergence]);
    }
  }

  private async mendAll(model: ReadModel, divergences: readonly Divergence[]): Promise<void> {
    const binding = await model.binding();
    if (binding.status !== 'bound') return;
    const truth = await truthOfKeys(this.options.pool, divergences, binding.applied);
    if (truth === null) return;
    await model.repair(repairsOf(divergences, truth.rows, binding.applied), binding.applied.incarnation);
    await this.verify(model, divergences);
  }

  /** By the path that answers take. */
  private async verify(model: ReadModel, divergences: readonly Divergence[]): Promise<void> {
    const { store } = model;
    const { applied, data } = await model.readMany(divergences);
    const truth = applied === null ? null : await truthOfKeys(this.options.pool, divergences, applied);
    if (truth === null || applied === null) return;
    const at = { applied: applied.position, expiredTo: truth.expiredTo };
    const { repaired, open } = judgeAgain(divergences, data, truth.rows, at);
    await this.ledger.renew(store, open);
    const settled = await this.ledger.settle(store, repaired);
    if (settled.length > 0) this.tell.repaired?.(store, settled);
  }
}

/** A document that the store does not take, or that can't be read: it keeps no other from being repaired. */
const isOfOne = (error: unknown): boolean =>
  error instanceof AppError
    ? !error.retryable
    : error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** What belongs there. A row that the store has not applied yet is its projection's business. Pure. */
export function repairsOf(
  divergences: readonly Divergence[],
  rows: ReadonlyMap<string, StoredResult>,
  applied: Applied,
): Repair[] {
  return divergences.flatMap((divergence): Repair[] => {
    const { documentPosition } = divergence;
    const row = rows.get(keyOf(divergence)) ?? absence(divergence, applied);
    if (row.position > applied.position) return [];
    // Only what can't be true of any time is taken away from where it is ahead.
    const over = documentPosition !== null && documentPosition > row.position ? documentPosition : null;
    return [{ document: row, over }];
  });
}

/** There is no such result: a mark of that, with a position below which nothing of the key can come any more. Readers take it for a null. */
const absence = ({ kind, engine, businessKey }: Divergence, { position, committedAt }: Applied): StoredResult => ({
  kind,
  engine,
  businessKey,
  calculatedValue: {},
  deleted: true,
  final: true,
  stale: false,
  cap: 'LOW',
  reasons: ['VIOLATION_STORE_DIVERGENCE'],
  pipeline: '',
  resultPartition: 0,
  run: '',
  revision: 0,
  coverage: null,
  lastCheckpointTime: null,
  epoch: null,
  resultOffset: -1,
  verified: false,
  position,
  committedAt,
});
