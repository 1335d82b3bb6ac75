import type { ClickHouseClient } from '@clickhouse/client';
import type { RawLog } from '../../raw/port.js';
import type { ReadModel, StatsReader } from '../port.js';
import { apply } from './apply.js';
import { repair, scan } from './audit.js';
import { readBinding } from './binding.js';
import { CLICKHOUSE_LIMITS, positionUnknown, type ClickhouseLimits, type ClickhousePlace } from './command.js';
import type { Meta } from './position.js';
import { createRawLog } from './raw.js';
import { purge } from './purge.js';
import { list, readMany } from './read.js';
import { drop, rebuild } from './rebuild.js';
import { history, symbolStats } from './stats.js';

export interface ClickhouseModelOptions {
  /** Built by main with CLICKHOUSE_CLIENT_OPTIONS. `close()` closes it. */
  readonly client: ClickHouseClient;
  readonly database: string;
  readonly limits?: ClickhouseLimits;
  readonly nowMs: () => number;
  /** A short random name for a new table: letters and digits. */
  readonly newName: () => string;
}

export interface Clickhouse {
  /** `close()` closes the client of both. */
  readonly model: ReadModel & StatsReader;
  readonly rawLog: RawLog;
}

/** All that a server has in ClickHouse, over one client. */
export function createClickhouse(options: ClickhouseModelOptions & { readonly rawDays: number }): Clickhouse {
  const { client, database, limits = CLICKHOUSE_LIMITS } = options;
  return {
    model: createClickhouseModel(options),
    rawLog: createRawLog({ client, database, limits }, options.rawDays),
  };
}

/** ClickHouse as a read model, and for statistics. Needs a database of engine Atomic on one node (README.md). */
export function createClickhouseModel(options: ClickhouseModelOptions): ReadModel & StatsReader {
  const { client, database } = options;
  const limits = options.limits ?? CLICKHOUSE_LIMITS;
  const place: ClickhousePlace = { client, database, limits };
  /** Which table this server writes to, since it last asked. Wrong, it is noticed by the conditions of the writes. */
  let bound: Meta | null = null;
  let retired: { readonly table: string; readonly sinceMs: number; dropped: boolean } | null = null;

  function retire(table: string | null): void {
    if (table === null || table === retired?.table) return;
    retired = { table, sinceMs: options.nowMs(), dropped: false };
  }

  async function bind(): ReturnType<ReadModel['binding']> {
    const { binding, meta } = await readBinding(place);
    bound = meta;
    retire(bound?.previous ?? null);
    return binding;
  }

  async function boundMeta(): Promise<Meta> {
    const binding = bound === null ? await bind() : null;
    if (bound === null) throw positionUnknown(binding?.status === 'unbound' ? binding.reason : 'not bound');
    return bound;
  }

  /** Readers that still know the table have long ended when it is dropped. Dropping fails: at the next rebuild. */
  async function dropRetired(): Promise<void> {
    if (retired === null || retired.dropped || options.nowMs() - retired.sinceMs < limits.retireMs) return;
    retired.dropped = true;
    await drop(place, retired.table).catch(() => undefined);
  }

  return {
    store: 'CLICKHOUSE',
    readMany: (keys) => readMany(place, keys),
    list: (query) => list(place, query),
    symbolStats: (query) => symbolStats(place, query),
    history: (query) => history(place, query),
    binding: bind,
    async apply(changes, applied) {
      await apply(place, await boundMeta(), changes, applied);
      await dropRetired();
    },
    async rebuild(copy, applied, progress) {
      bound = await rebuild(place, { copy, applied, progress, newName: options.newName });
      retire(bound.previous);
    },
    async purge(to, incarnation) {
      const meta = await boundMeta();
      return meta.applied.incarnation === incarnation ? purge(place, meta, to) : 0;
    },
    scan: (range) => scan(place, range),
    repair: async (repairs, incarnation) => repair(place, await boundMeta(), repairs, incarnation),
    close: () => client.close(),
  };
}
