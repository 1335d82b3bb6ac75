/**
 * What the auditor keeps in Postgres: divergences, with the position at which each was found and settled, and how far it has come. An
 * event is written with each change, in one transaction that holds the clock (docs/adr/0016).
 */
import type { Pool, PoolClient } from 'pg';
import { NOW_US } from '../ingest/clock.js';
import type { Tick } from '../ingest/port.js';
import { beginOn } from '../ingest/postgres.js';
import { checkedTick } from '../ingest/rewound.js';
import type { ResultKey } from '../position/commit-log.js';
import type { Highest } from '../position/highest.js';
import { position } from '../position/position.js';
import type { NewEvent } from '../staleness/transitions.js';
import { PROCESSING_ENGINES, type ProcessingEngine, type Store } from '../words.js';
import type { Divergence, DivergenceType } from './compare.js';
import { foundEvent, repairedEvent } from './events.js';

/** Whoever has not moved on for so long has lost its turn. Two at once cost work, and nothing else. */
const TURN_US = 60_000_000;
/**
 * A settled divergence is kept for so long. A reader that took its document before the repair is told by the position; longer
 * than any read, so that its proof still has it.
 */
const KEPT_US = 600_000_000;

/** Where the next bucket begins. */
export interface Place {
  readonly kind: string;
  readonly engine: ProcessingEngine;
  readonly after: string;
}

export interface Turn {
  /** null: at the very beginning. */
  readonly place: Place | null;
  /** Divergences of the store that are not settled. */
  readonly open: number;
}

interface DivergenceRow {
  kind: string;
  engine: ProcessingEngine;
  business_key: string;
  type: DivergenceType;
  document_position: string | null;
}

const columns = (keys: readonly ResultKey[]): unknown[] => [
  keys.map(({ kind }) => kind),
  keys.map(({ engine }) => engine),
  keys.map(({ businessKey }) => businessKey),
];

export class Ledger {
  constructor(
    private readonly pool: Pool,
    private readonly highest: Highest,
    /** Of this server: a UUID. */
    private readonly holder: string,
  ) {}

  /** null: another server audits this store. */
  async takeTurn(store: Store): Promise<Turn | null> {
    await this.pool.query(`insert into store_audits (store) values ($1) on conflict do nothing`, [store]);
    const { rows } = await this.pool.query<{ kind: string; engine: string; after_key: string; open: string }>(
      `update store_audits set holder = $2, until_us = ${NOW_US} + ${TURN_US}
        where store = $1 and (holder = $2 or until_us < ${NOW_US})
       returning kind, engine, after_key,
         (select count(*) from store_divergences d where d.store = $1 and d.settled_position is null) as open`,
      [store, this.holder],
    );
    const [row] = rows;
    if (row === undefined) return null;
    const engine = PROCESSING_ENGINES.find((one) => one === row.engine);
    const place = engine === undefined ? null : { kind: row.kind, engine, after: row.after_key };
    return { place, open: Number(row.open) };
  }

  /** @param finished everything was compared, and it begins anew */
  async moveTo(store: Store, place: Place | null, finished: boolean): Promise<void> {
    await this.pool.query(
      `update store_audits set kind = $3, engine = $4, after_key = $5, rounds = rounds + $6 where store = $1 and holder = $2`,
      [store, this.holder, place?.kind ?? '', place?.engine ?? '', place?.after ?? '', finished ? 1 : 0],
    );
  }

  /** The first kind after this one that Postgres has results of; null: there is none. */
  async kindAfter(kind: string): Promise<string | null> {
    const { rows } = await this.pool.query<{ next: string | null }>(
      'select min(kind) as next from results where kind > $1',
      [kind],
    );
    return rows[0]?.next ?? null;
  }

  /** Not settled, the oldest first. */
  async open(store: Store, limit: number): Promise<Divergence[]> {
    const { rows } = await this.pool.query<DivergenceRow>(
      `select kind, engine, business_key, type, document_position from store_divergences
        where store = $1 and settled_position is null order by found_position, kind, engine, business_key limit $2`,
      [store, limit],
    );
    return rows.map((row) => ({
      kind: row.kind,
      engine: row.engine,
      businessKey: row.business_key,
      type: row.type,
      documentPosition: row.document_position === null ? null : position(row.document_position),
    }));
  }

  /** Writes down what is not open already, and tells of it. @returns what was new */
  note(store: Store, divergences: readonly Divergence[]): Promise<readonly Divergence[]> {
    return this.tell(
      divergences,
      (divergence) => foundEvent(store, divergence),
      async (client, tick) => {
        const { rows } = await client.query<DivergenceRow>(
          `insert into store_divergences as d (store, kind, engine, business_key, type, document_position, found_position, found_at_us)
         select $1::text, *, $7::bigint, $8::bigint from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
         on conflict (store, kind, engine, business_key) do update set type = excluded.type,
           document_position = excluded.document_position, found_position = excluded.found_position,
           found_at_us = excluded.found_at_us, settled_position = null, settled_at_us = null
         where d.settled_position is not null
         returning kind, engine, business_key`,
          [
            store,
            ...columns(divergences),
            divergences.map(({ type }) => type),
            divergences.map(({ documentPosition }) => documentPosition?.toString() ?? null),
            tick.position,
            tick.committedAt,
          ],
        );
        return rows;
      },
    );
  }

  /** Its repair was read again, and is right. @returns what was open until now */
  settle(store: Store, divergences: readonly Divergence[]): Promise<readonly Divergence[]> {
    return this.tell(
      divergences,
      (divergence) => repairedEvent(store, divergence),
      async (client, tick) => {
        const { rows } = await client.query<DivergenceRow>(
          `update store_divergences d set settled_position = $5, settled_at_us = $6
          from unnest($2::text[], $3::text[], $4::text[]) as k(kind, engine, business_key)
         where d.store = $1 and (d.kind, d.engine, d.business_key) = (k.kind, k.engine, k.business_key)
           and d.settled_position is null
         returning d.kind, d.engine, d.business_key`,
          [store, ...columns(divergences), tick.position, tick.committedAt],
        );
        return rows;
      },
    );
  }

  /** What is there now, though it was repaired. */
  async renew(store: Store, divergences: readonly Divergence[]): Promise<void> {
    if (divergences.length === 0) return;
    await this.pool.query(
      `update store_divergences d set type = k.type, document_position = k.at
        from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[]) as k(kind, engine, business_key, type, at)
       where d.store = $1 and (d.kind, d.engine, d.business_key) = (k.kind, k.engine, k.business_key)
         and d.settled_position is null`,
      [
        store,
        ...columns(divergences),
        divergences.map(({ type }) => type),
        divergences.map(({ documentPosition }) => documentPosition?.toString() ?? null),
      ],
    );
  }

  async forget(): Promise<void> {
    await this.pool.query(`delete from store_divergences where settled_at_us < ${NOW_US} - ${KEPT_US}`);
  }

  /** One transaction of the clock; none if nothing changes. */
  private async tell(
    divergences: readonly Divergence[],
    eventOf: (divergence: Divergence) => NewEvent,
    change: (client: PoolClient, tick: Tick) => Promise<DivergenceRow[]>,
  ): Promise<readonly Divergence[]> {
    if (divergences.length === 0) return [];
    const { tx, client } = await beginOn(this.pool);
    try {
      const tick = await checkedTick(this.highest, () => tx.takeClock());
      const changed = await change(client, tick);
      const told = divergences.filter((one) => changed.some((row) => isOf(row, one)));
      if (told.length === 0) return [];
      await tx.writeEvents(tick, told.map(eventOf));
      await tx.writeLog(tick, '[]', []);
      await tx.commit();
      this.highest.note(tick);
      return told;
    } finally {
      await tx.abort();
    }
  }
}

const isOf = (row: DivergenceRow, { kind, engine, businessKey }: Divergence): boolean =>
  row.business_key === businessKey && row.kind === kind && row.engine === engine;
