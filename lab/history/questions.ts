/** What a client asks next: any kind, any path, any scope, mostly of what changed last. By chance, but the same for one seed. */
import {
  anyByKey,
  byKey,
  everywhere,
  historyOfSymbol,
  listOf,
  SEARCHED_KINDS,
  searchOf,
  TYPED_KINDS,
  type Demand,
  type Question,
} from './queries.js';
import { keyOf, type Key, type Needs, type Scope } from './types.js';

const KEYS_PER_REQUEST = 10;
/** Half of the reads go to what changed last: old rows are easy to be right about. */
const RECENT = 150;
const NEWEST = 40;
const RULES = ['LARGE_ORDER', 'HIGH_AMOUNT', 'PRICE_SPIKE', 'RAPID_ORDERS'];
/** Around a window that is known. */
const AROUND_MS = 30 * 60_000;

/** Share of the questions that require a level or an age. */
const DEMANDING = 0.2;
const LEVELS = [undefined, 'EVENTUALLY_CONSISTENT', 'EVENTUALLY_CONSISTENT', 'HIGH'] as const;
const AGES_MS = [undefined, 500, 2_000, 10_000] as const;
const ON_UNMET = ['FALLBACK', 'WAIT', 'NULL', 'ERROR'] as const;

/** The anomalies that an order could have; most have none: then their absence is what is claimed. */
export const anomaliesOf = (order: Key): Key[] =>
  RULES.map((rule) => ({ kind: 'anomaly', engine: order.engine, businessKey: `${rule}:${order.businessKey}` }));

export class Questions {
  constructor(
    private readonly random: () => number,
    /** Known keys, the least recently changed first. */
    private readonly known: () => readonly Key[],
    private readonly symbolOf: (key: Key) => string | null,
  ) {}

  /** null: nothing is known yet to ask for. `token`: what the client holds, if it may send it. */
  next(token: string | null): Question | null {
    const keys = this.some();
    const [key] = keys;
    if (key === undefined) return null;
    const dice = this.random();
    if (dice < 0.22) return everywhere(keys);
    if (dice < 0.28) return anyByKey(keys, this.demand(['STRONG', 'EVENTUAL', null], token));
    if (dice < 0.62) return this.typed(token);
    if (dice < 0.68) return this.absent(token);
    if (dice < 0.76) return this.list(null, token);
    return this.ofSymbol(dice, token);
  }

  private typed(token: string | null): Question | null {
    // Windows are few and change all the time: half of it goes to them.
    const kind = this.random() < 0.5 ? 'order_window' : this.pick(TYPED_KINDS);
    const keys = this.some(kind);
    return kind === undefined || keys.length === 0
      ? null
      : byKey(kind, keys, this.demand(['STRONG', 'EVENTUAL', null], token));
  }

  /** That there is no such result is a claim, too. */
  private absent(token: string | null): Question | null {
    const demand = this.demand(['STRONG', 'EVENTUAL', null], token);
    const [order] = this.some('order');
    const [window] = this.some('order_window');
    if (order !== undefined && this.random() < 0.7) return byKey('anomaly', anomaliesOf(order), demand);
    if (window === undefined) return null;
    const at = window.businessKey.slice(window.businessKey.indexOf('@'));
    return byKey('order_window', [{ ...window, businessKey: `NOBODY${at}` }], demand);
  }

  private list(symbol: string | null, token: string | null): Question | null {
    const kind = this.pick(TYPED_KINDS);
    const [key] = this.some(kind);
    if (kind === undefined || key === undefined) return null;
    const demand = this.demand(['STRONG', 'EVENTUAL', 'SEARCH', null], token);
    return listOf(kind, symbol, key.engine, demand, symbol === null ? NEWEST : 60);
  }

  private ofSymbol(dice: number, token: string | null): Question | null {
    const [key] = this.some('order_window');
    const symbol = key && this.symbolOf(key);
    if (key === undefined || symbol == null) return null;
    if (dice < 0.86) return this.list(symbol, token);
    const kind = this.pick(SEARCHED_KINDS) ?? 'order';
    if (dice < 0.94) return searchOf(kind, symbol, key.engine, this.demand(['SEARCH', null], token));
    const at = Date.parse(key.businessKey.slice(key.businessKey.indexOf('@') + 1));
    const [from, to] = [new Date(at - AROUND_MS), new Date(at + AROUND_MS)];
    return historyOfSymbol(symbol, key.engine, from.toISOString(), to.toISOString());
  }

  private some(kind?: string): Key[] {
    const all = this.known();
    const wanted = kind === undefined ? all : all.filter((key) => key.kind === kind);
    const from = this.random() < 0.5 ? wanted.slice(-RECENT) : wanted;
    const keys = Array.from({ length: KEYS_PER_REQUEST }, () => this.pick(from)).filter((key) => key !== undefined);
    return [...new Map(keys.map((key) => [keyOf(key), key])).values()];
  }

  private demand(scopes: readonly (Scope | null)[], token: string | null): Demand {
    const demand = { scope: this.pick(scopes) ?? null, token: this.random() < 0.3 ? token : null };
    return this.random() < DEMANDING ? { ...demand, needs: this.needs() } : demand;
  }

  /** What a client may require: a level, an age, or both; and what it wants when nobody can give it. */
  private needs(): Needs {
    const minConfidence = this.pick(LEVELS);
    const maxStalenessMs = this.pick(AGES_MS);
    const onUnmet = this.pick(ON_UNMET) ?? 'FALLBACK';
    return { ...(minConfidence && { minConfidence }), ...(maxStalenessMs && { maxStalenessMs }), onUnmet };
  }

  private pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.random() * list.length)];
  }
}
