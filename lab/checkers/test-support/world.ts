/**
 * A small world that keeps every promise, to make good histories from: a source, an engine that folds it (HIGH, Flink; or
 * Kafka-only), a truth with a commit clock, a read model that lags, a server that claims exactly what it can prove, clients.
 * Postgres' clock is not the recorder's. Deterministic: chance comes in as numbers.
 */
import { SourceFold } from '../fold.js';
import {
  historyOf,
  type Answer,
  type Document,
  type Engine,
  type History,
  type Line,
  type RowClaim,
  type Scope,
  type SourceEvent,
  type Stored,
  type StoreName,
} from '../../history/types.js';

/** One thing that happens, some milliseconds after the last. */
export type Step =
  | {
      readonly do: 'event';
      readonly symbol: string;
      readonly price: string;
      readonly quantity: number;
      readonly again: boolean;
    }
  | { readonly do: 'accept'; readonly symbol: string }
  | { readonly do: 'apply' }
  | { readonly do: 'read'; readonly symbol: string; readonly scope: Scope; readonly session: string }
  | { readonly do: 'list'; readonly symbol: string; readonly scope: Scope; readonly session: string };

const PG_EPOCH_MS = Date.parse('2026-01-05T09:00:00.000Z');
const WINDOW_MS = 300_000;
const START = '2026-01-05T09:00:00.000Z';
/** Postgres' clock − the recorder's, in ms: nobody may get away with subtracting the two. */
const OFFSET_MS = PG_EPOCH_MS - 10_000;

export class World {
  readonly lines: Line[] = [];
  private mono = 10_000;
  private position = 0;
  private readonly events: SourceEvent[] = [];
  private readonly log: { position: number; us: number; documents: Document[] }[] = [];
  private applied = 0;
  private answers = 0;
  /** Of the source's only partition: covered by a completed checkpoint. */
  private covered = 0;

  constructor(
    private readonly engine: Engine = 'FLINK',
    private readonly model: StoreName = 'MONGODB',
  ) {
    const meta = { type: 'meta', run: 'world', started: this.now(), windowMs: WINDOW_MS, notes: {} } as const;
    this.lines.push({ ...meta, stores: ['POSTGRES', model] });
    this.commit([]);
    this.apply();
  }

  run(steps: readonly Step[]): this {
    for (const step of steps) {
      this.pass(7);
      if (step.do === 'event') this.event(step);
      if (step.do === 'accept') this.accept(step.symbol);
      if (step.do === 'apply') this.apply();
      if (step.do === 'read') this.read(step.symbol, step.scope, step.session);
      if (step.do === 'list') this.read(step.symbol, step.scope, step.session, true);
    }
    return this;
  }

  fault(kind: string): () => void {
    const fault = { type: 'fault', id: this.lines.length, kind, started: this.now() } as const;
    this.lines.push({ ...fault, healed: null });
    return () => {
      this.pass(5);
      this.lines.push({ ...fault, healed: this.now() });
    };
  }

  /** Everything accepted and applied, read once more, and written down. */
  end(): History {
    const symbols = new Set(this.events.map(({ key }) => key ?? ''));
    for (const symbol of symbols) this.accept(symbol);
    this.pass(5);
    this.commit([]);
    this.apply();
    this.pass(5);
    this.lines.push({ type: 'quiet', at: this.mono });
    for (const symbol of symbols) {
      for (const scope of ['STRONG', 'EVENTUAL'] as const) this.read(symbol, scope, 'end');
    }
    for (const store of ['POSTGRES', this.model] as const) this.dump(store);
    this.lines.push({ type: 'output', pipeline: 'orders', partition: 0, gaps: { 'r0/0': 3 }, there: [] });
    return historyOf(this.lines.map((line) => JSON.parse(JSON.stringify(line)) as Line));
  }

  private event({ symbol, price, quantity, again }: Extract<Step, { do: 'event' }>): void {
    const offset = this.events.length;
    const order = again && offset > 0 ? `o-${offset - 1}` : `o-${offset}`;
    const event_time = new Date(PG_EPOCH_MS + offset).toISOString();
    const value = JSON.stringify({
      ...{
        event_id: `00000000-0000-4000-8000-${String(offset).padStart(12, '0')}`,
        order_id: order,
        symbol,
        side: 'BUY',
      },
      ...{ quantity, price, status: 'PENDING', op: 'c', event_time, produce_time: event_time, version: 1 },
    });
    const event = { type: 'event', partition: 0, offset, key: symbol, value } as const;
    const line: SourceEvent = { ...event, appendedAtMs: Math.floor(this.pgUs() / 1000) };
    this.events.push(line);
    this.lines.push(line, { type: 'write', session: 'writer', partition: 0, offset, at: this.mono });
  }

  private accept(symbol: string): void {
    const businessKey = `${symbol}@${START}`;
    const folded = new SourceFold(this.events, WINDOW_MS).fold('order_window', businessKey);
    if (folded === null) return;
    const places = folded.members.map(({ offset }) => offset);
    const coverage = { '0': [Math.min(...places), Math.max(...places)] as const };
    const before = this.newest(businessKey, this.position);
    if (JSON.stringify(before?.document.coverage) === JSON.stringify(coverage)) return;
    this.commit([
      {
        kind: 'order_window',
        engine: this.engine,
        businessKey,
        value: folded.value,
        deleted: false,
        final: true,
        stale: false,
        cap: this.engine === 'FLINK' ? 'HIGH' : 'EVENTUALLY_CONSISTENT',
        reasons: this.engine === 'FLINK' ? [] : ['NO_CHECKPOINT'],
        pipeline: 'orders',
        resultPartition: 0,
        run: 'r1',
        revision: 1,
        coverage,
      },
    ]);
  }

  private commit(documents: Document[]): void {
    this.pass(3);
    const us = this.pgUs();
    this.position += 1;
    this.log.push({ position: this.position, us, documents });
    const committed = { type: 'truth', position: this.position, committedAtUs: us, incarnation: 'i' } as const;
    this.lines.push({ ...committed, documents });
    this.pass(1);
    this.poll();
  }

  private apply(): void {
    this.applied = this.position;
  }

  private read(symbol: string, scope: Scope, session: string, list = false): void {
    const started = this.now();
    const proof = this.position;
    this.pass(2);
    const businessKey = `${symbol}@${START}`;
    const at = scope === 'STRONG' ? this.position : this.applied;
    const shown = this.newest(businessKey, at);
    const current = (this.newest(businessKey, proof)?.position ?? 0) === (shown?.position ?? 0);
    const contract = this.contract(scope, proof, shown, current);
    const row: RowClaim = {
      subject: 'row',
      kind: 'order_window',
      engine: this.engine,
      businessKey,
      value: shown?.document.value ?? null,
      contract,
    };
    this.pass(2);
    const members = shown === null ? [] : [businessKey];
    const set = {
      subject: 'set',
      kind: row.kind,
      engine: this.engine,
      where: { symbol },
      complete: true,
      members,
    } as const;
    const claims = list
      ? [{ ...set, contract: { ...contract, position: proof } }, ...(shown === null ? [] : [row])]
      : [row];
    this.answers += 1;
    const answer: Answer = {
      type: 'answer',
      id: this.answers,
      session,
      server: 's1',
      started,
      ended: this.now(),
      query: 'orderWindow',
      asked: scope,
      atLeast: null,
      token: { incarnation: 'i', position: Math.max(0, ...claims.map((c) => c.contract.position ?? 0), proof) },
      claims,
    };
    this.lines.push(answer);
    this.pass(1);
    this.poll();
  }

  private contract(
    scope: Scope,
    proof: number,
    shown: { position: number; document: Document } | null,
    current: boolean,
  ): RowClaim['contract'] {
    const us = this.log[(current ? proof : this.applied) - 1]?.us ?? 0;
    const iso = (micros: number): string => new Date(Math.floor(micros / 1000)).toISOString();
    const cap = this.engine === 'FLINK' ? 'HIGH' : 'EVENTUALLY_CONSISTENT';
    const reasons = this.engine === 'FLINK' ? [] : ['NO_CHECKPOINT'];
    return {
      level: current ? cap : 'EVENTUALLY_CONSISTENT',
      scope,
      servedBy: scope === 'STRONG' ? 'POSTGRES' : this.model,
      position: shown?.position ?? null,
      provenAt: current ? proof : null,
      asOf: iso(us),
      sourceAsOf: this.allCounted() ? iso(this.pgUs() - 1_000) : null,
      stalenessMs: Math.ceil((this.pgUs() - us) / 1000) + 1,
      stale: false,
      lastCheckpointTime: this.engine === 'FLINK' ? iso(this.log[proof - 1]?.us ?? 0) : null,
      lastCdcSyncTime: iso(this.log[this.applied - 1]?.us ?? 0),
      reasons: current ? reasons : [...reasons, 'STORE_BEHIND'],
    };
  }

  /** Does every accepted row cover every record of its symbol? */
  private allCounted(): boolean {
    const fold = new SourceFold(this.events, WINDOW_MS);
    return fold.keys('order_window').every((businessKey) => {
      const last = fold.fold('order_window', businessKey)?.members.at(-1)?.offset ?? 0;
      return (this.newest(businessKey, this.position)?.document.coverage?.['0']?.[1] ?? -1) >= last;
    });
  }

  private dump(store: StoreName): void {
    const newest = new Map<string, { position: number; document: Document }>();
    for (const { position, documents } of this.log) {
      for (const document of documents) newest.set(document.businessKey, { position, document });
    }
    for (const { position, document } of newest.values()) {
      const { kind, engine, businessKey, value, deleted, cap } = document;
      const row: Stored = { type: 'stored', store, kind, engine, businessKey, value, deleted, position, cap };
      this.lines.push(row);
    }
    this.lines.push({ type: 'dumped', store, rows: newest.size });
  }

  private newest(businessKey: string, upTo: number): { position: number; document: Document } | null {
    const entry = this.log.findLast(
      ({ position, documents }) => position <= upTo && documents.some((d) => d.businessKey === businessKey),
    );
    const document = entry?.documents.find((d) => d.businessKey === businessKey);
    return entry === undefined || document === undefined ? null : { position: entry.position, document };
  }

  private poll(): void {
    const sent = this.mono;
    this.pass(0.2);
    const pgUs = this.pgUs();
    this.pass(0.2);
    this.lines.push({ type: 'poll', sent, received: this.mono, pgUs, position: this.position });
    if (this.engine !== 'FLINK') return;
    if (this.allCounted()) this.covered = this.events.length;
    this.lines.push({ type: 'committed', sent, received: this.mono, offsets: [this.covered] });
  }

  private pass(ms: number): void {
    this.mono += ms;
  }

  private now(): { mono: number; wall: number } {
    return { mono: this.mono, wall: PG_EPOCH_MS + this.mono };
  }

  private pgUs(): number {
    return Math.round((this.mono + OFFSET_MS) * 1000);
  }
}

const EVENT = { do: 'event', price: '100', quantity: 1, again: false } as const;

/** A short good history in which every sentence has something to say. */
export function goodHistory(engine: Engine = 'FLINK'): History {
  const world = new World(engine).run([
    { ...EVENT, symbol: 'A', price: '72000' },
    { do: 'accept', symbol: 'A' },
    { do: 'apply' },
    { do: 'read', symbol: 'A', scope: 'EVENTUAL', session: 'r1' },
    { ...EVENT, symbol: 'A', price: '72000.5', again: true },
    { ...EVENT, symbol: 'B', quantity: 7 },
    { do: 'read', symbol: 'B', scope: 'STRONG', session: 'r1' },
    { do: 'accept', symbol: 'B' },
    { do: 'read', symbol: 'B', scope: 'STRONG', session: 'writer' },
    { do: 'read', symbol: 'B', scope: 'EVENTUAL', session: 'r1' },
    { do: 'apply' },
    { do: 'list', symbol: 'B', scope: 'EVENTUAL', session: 'r1' },
    { do: 'list', symbol: 'B', scope: 'STRONG', session: 'r2' },
  ]);
  const heal = world.fault('cdc-pause');
  world.run([
    { ...EVENT, symbol: 'A', price: '74000' },
    { do: 'accept', symbol: 'A' },
    { do: 'read', symbol: 'A', scope: 'STRONG', session: 'r1' },
    ...Array.from({ length: 10 }, () => ({ do: 'read', symbol: 'A', scope: 'EVENTUAL', session: 'r1' }) as const),
    { do: 'read', symbol: 'A', scope: 'STRONG', session: 'r1' },
  ]);
  heal();
  return world.run([{ do: 'apply' }, { do: 'read', symbol: 'A', scope: 'EVENTUAL', session: 'r1' }]).end();
}
