/**
 * The accepted writes, by a path of the recorder's own: the commit log, read from Postgres every few milliseconds. Each look
 * also bounds what was current, and how Postgres' clock stands to the recorder's.
 */
import { performance } from 'node:perf_hooks';
import pg from 'pg';
import { pause } from './now.js';
import type { Document, Key, Level, Line, Truth } from './types.js';

const EVERY_MS = 25;
const ROWS_PER_LOOK = 500;
const BASELINE_ROWS = 2_000;
/** So many positions before the recording are read, too: answers speak of commit times of a moment ago. */
const BACKWARD = 1_000;
/** Keys that readers choose from; the oldest are forgotten. */
const KEYS_KEPT = 5_000;

interface LogRow {
  readonly clock: string;
  readonly now_us: string;
  readonly position: string | null;
  readonly part: number;
  readonly parts: number;
  readonly incarnation: string;
  readonly committed_at_us: string;
  readonly documents: string;
}

interface StoredRow {
  readonly kind: string;
  readonly business_key: string;
  readonly engine: Key['engine'];
  readonly calculated_value: Document['value'];
  readonly deleted: boolean;
  readonly final: boolean;
  readonly stale: boolean;
  readonly cap: Level;
  readonly reasons: string[];
  readonly pipeline: string;
  readonly result_partition: number;
  readonly run: string;
  readonly revision: number;
  readonly evidence: { readonly coverage?: Document['coverage'] };
  readonly position: string;
  readonly committed_at_us: string;
}

const NOW_US = `(extract(epoch from clock_timestamp()) * 1e6)::bigint`;
const LOOK = `
  select c.position as clock, ${NOW_US} as now_us, l.position, l.part, l.parts, l.incarnation, l.committed_at_us, l.documents
  from commit_clock c left join lateral (
    select * from commit_log where position > $1 order by position, part limit $2) l on true
  order by l.position, l.part`;

/** A document of the commit log, in the words of a history. */
export function documentOf(json: Record<string, unknown>): Document {
  const field = <T>(name: string): T => json[name] as T;
  return {
    kind: field('kind'),
    engine: field('processing_engine'),
    businessKey: field('business_key'),
    value: field('calculated_value'),
    deleted: field('deleted'),
    final: field('final'),
    stale: field('stale'),
    cap: field('confidence_level'),
    reasons: field('reasons'),
    pipeline: field('pipeline'),
    resultPartition: field('result_partition'),
    run: field('run'),
    revision: field('revision'),
    coverage: field('coverage'),
  };
}

const documentOfRow = (row: StoredRow): Document => ({
  kind: row.kind,
  engine: row.engine,
  businessKey: row.business_key,
  value: row.calculated_value,
  deleted: row.deleted,
  final: row.final,
  stale: row.stale,
  cap: row.cap,
  reasons: row.reasons,
  pipeline: row.pipeline,
  resultPartition: row.result_partition,
  run: row.run,
  revision: row.revision,
  coverage: row.evidence.coverage ?? null,
});

const baselineOf = (row: StoredRow, incarnation: string): Truth => ({
  type: 'truth',
  position: Number(row.position),
  committedAtUs: Number(row.committed_at_us),
  incarnation,
  baseline: true,
  documents: [documentOfRow(row)],
});

export class TruthTail {
  /** The newest position that was written down. */
  position = 0;
  /** When the last write that changed a result was written down, by the monotonic clock. */
  changedAt = performance.now();
  /** Known keys, the least recently changed first. */
  readonly keys = new Map<string, Key>();
  /** Those that results were accepted of; before there is any, the one that every stack has. */
  get engines(): readonly Key['engine'][] {
    return this.heard.size === 0 ? ['KAFKA_ONLY'] : [...this.heard];
  }
  private readonly heard = new Set<Key['engine']>();
  private readonly pool: pg.Pool;
  private running: Promise<void> | null = null;
  private ending = false;

  constructor(
    url: string,
    private readonly write: (line: Line) => void,
  ) {
    this.pool = new pg.Pool({
      connectionString: url,
      max: 1,
      statement_timeout: 10_000,
      connectionTimeoutMillis: 5_000,
    });
    // A server that goes away is one of the faults: the next look says so.
    this.pool.on('error', () => undefined);
  }

  /** What stands there already, then the log, for as long as it runs. */
  async start(): Promise<void> {
    await this.baseline();
    this.running = this.loop();
  }

  async stop(): Promise<void> {
    this.ending = true;
    await this.running;
    await this.pool.end();
  }

  private async baseline(): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query('begin isolation level repeatable read read only');
      const { rows: clocks } = await client.query<{ position: string; incarnation: string }>(
        'select position, incarnation from commit_clock',
      );
      const clock = Number(clocks[0]?.position ?? 0);
      this.position = Math.max(0, clock - BACKWARD);
      // Piece by piece: each is bounded, however many rows there are, and they need not fit in memory together.
      await client.query(
        `declare baseline no scroll cursor for select * from results where position <= ${this.position}`,
      );
      for (;;) {
        const { rows } = await client.query<StoredRow>(`fetch ${BASELINE_ROWS} from baseline`);
        if (rows.length === 0) break;
        for (const row of rows) this.note(baselineOf(row, clocks[0]?.incarnation ?? ''));
      }
      await client.query('commit');
    } finally {
      client.release();
    }
  }

  private async loop(): Promise<void> {
    while (!this.ending) {
      const more = await this.look().catch(() => false);
      if (!more) await pause(EVERY_MS);
    }
    while (await this.look().catch(() => false));
  }

  /** True: there may be more at once. */
  private async look(): Promise<boolean> {
    const sent = performance.now();
    const { rows } = await this.pool.query<LogRow>({
      name: 'look',
      text: LOOK,
      values: [this.position, ROWS_PER_LOOK],
    });
    const received = performance.now();
    const [first] = rows;
    if (first === undefined) return false;
    this.write({ type: 'poll', sent, received, pgUs: Number(first.now_us), position: Number(first.clock) });
    if (Number(first.clock) < this.position) this.write({ type: 'blind', what: 'the clock went back' });
    this.take(rows.filter((row) => row.position !== null));
    return rows.length >= ROWS_PER_LOOK;
  }

  /** Whole transactions only: the last one may continue beyond the page. */
  private take(rows: readonly LogRow[]): void {
    let parts: LogRow[] = [];
    for (const row of rows) {
      parts = row.part === 0 ? [row] : [...parts, row];
      if (parts.length !== row.parts) continue;
      const position = Number(row.position);
      if (!Number.isSafeInteger(position))
        throw new Error(`position ${row.position} is beyond what is written down here`);
      if (position !== this.position + 1)
        this.write({ type: 'blind', what: `${this.position + 1}..${position - 1} are gone` });
      this.note({
        type: 'truth',
        position,
        committedAtUs: Number(row.committed_at_us),
        incarnation: row.incarnation,
        documents: parts.flatMap(({ documents }) =>
          (JSON.parse(documents) as Record<string, unknown>[]).map(documentOf),
        ),
      });
      this.position = position;
    }
  }

  private note(truth: Truth): void {
    this.write(truth);
    if (truth.documents.length > 0) this.changedAt = performance.now();
    for (const { kind, engine, businessKey } of truth.documents) {
      this.heard.add(engine);
      const id = `${kind}|${engine}|${businessKey}`;
      this.keys.delete(id);
      this.keys.set(id, { kind, engine, businessKey });
    }
    for (const id of this.keys.keys()) {
      if (this.keys.size <= KEYS_KEPT) break;
      this.keys.delete(id);
    }
  }
}
