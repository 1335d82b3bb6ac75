/** A fake of what Postgres knows of refusals, recomputations and evidence, and of the desk that takes requests. */
import type { AppError } from '../../errors.js';
import { keyOf, type ResultKey } from '../../position/commit-log.js';
import { position } from '../../position/position.js';
import type {
  AuditReader,
  ReprocessingDesk,
  RowDecision,
  RowEvidence,
  StoredRefusal,
  StoredRequest,
} from '../../stores/audit-port.js';

export class FakeAudit implements AuditReader, ReprocessingDesk {
  refused: StoredRefusal[] = [];
  requested: StoredRequest[] = [];
  rested: RowEvidence[] = [];
  decided: (ResultKey & RowDecision)[] = [];
  failure: Error | null = null;
  /** The desk says no to everything with it. */
  refusal: AppError | null = null;

  async refusals(query: Parameters<AuditReader['refusals']>[0]): Promise<readonly StoredRefusal[]> {
    return this.listed(this.refused, query);
  }

  async requests({ state, ids, ...query }: Parameters<AuditReader['requests']>[0]): Promise<readonly StoredRequest[]> {
    const rows = this.requested.filter((row) => (state ?? row.state) === row.state && (ids?.includes(row.id) ?? true));
    return this.listed(rows, query);
  }

  async evidence(keys: readonly ResultKey[]): Promise<readonly RowEvidence[]> {
    if (this.failure !== null) throw this.failure;
    const asked = new Set(keys.map(keyOf));
    return this.rested.filter((row) => asked.has(keyOf(row)));
  }

  async decision(key: ResultKey): Promise<RowDecision | null> {
    if (this.failure !== null) throw this.failure;
    return this.decided.find((row) => keyOf(row) === keyOf(key)) ?? null;
  }

  async request(key: ResultKey): Promise<bigint> {
    if (this.refusal !== null) throw this.refusal;
    const open = this.requested.find((row) => row.state === 'OPEN' && keyOf(row) === keyOf(key));
    if (open !== undefined) return open.id;
    const made = request(this.requested.length + 1, key);
    this.requested.push(made);
    return made.id;
  }

  private listed<T extends ResultKey & { readonly id: bigint }>(
    rows: readonly T[],
    { kind, businessKey, engine, after, limit }: Parameters<AuditReader['refusals']>[0],
  ): T[] {
    if (this.failure !== null) throw this.failure;
    return rows
      .filter((row) => (kind ?? row.kind) === row.kind && (engine ?? row.engine) === row.engine)
      .filter((row) => (businessKey ?? row.businessKey) === row.businessKey)
      .filter((row) => after === undefined || row.id < after)
      .sort((a, b) => (a.id > b.id ? -1 : 1))
      .slice(0, limit);
  }
}

const KEY: ResultKey = { kind: 'order_window', businessKey: '005930@2026-01-05T09:00:00.000Z', engine: 'FLINK' };

/** A person's request of the id, open and not worked on. */
export const request = (id: number, over: Partial<StoredRequest> = {}): StoredRequest => ({
  ...KEY,
  id: BigInt(id),
  state: 'OPEN',
  reason: 'REQUESTED',
  requestedBy: 'person',
  requestedAt: '2026-01-05T09:10:00.000Z',
  requestedPosition: position(7),
  attempts: 0,
  dueAt: '2026-01-05T09:10:00.000Z',
  upTo: null,
  mustRead: null,
  finishedAt: null,
  finishedPosition: null,
  failure: null,
  ...over,
});

const emitted = {
  value: { symbol: '005930', orders_total: 3, total_amount: '1' },
  deleted: false,
  final: false,
  run: 'job/1',
  revision: 4,
  epoch: 12,
  coverage: { '0': [0, 9] as const },
  digest: '1',
  events: 3,
};

/** A refusal of the id: one order more than is stored, at the same coverage. */
export const refusal = (id: number, over: Partial<StoredRefusal> = {}): StoredRefusal => ({
  ...KEY,
  id: BigInt(id),
  position: position(id),
  reason: 'ROLLBACK_REFUSED',
  stored: emitted,
  refused: { ...emitted, value: { ...emitted.value, orders_total: 4 }, run: 'job/2', digest: '2', events: 4 },
  topic: 'results.flink',
  partition: 1,
  offset: 77n,
  notedAt: '2026-01-05T09:10:00.000Z',
  ...over,
});
