/** Convergence: after the quiet every store holds what Postgres holds, LOW or not; and that is the fold, except what is LOW. */
import { keyOf, type History, type Stored, type StoreName } from '../history/types.js';
import { End, indexOf, isFolded, NOT_READ } from './claims.js';
import { equal } from './equal.js';
import { expectedKeys } from './exactly-once.js';
import { broken, Collector, unknown, type Outcome, type Verdict } from './verdict.js';

type Rows = ReadonlyMap<string, Stored>;

/** Only of stores that were written down whole. */
function rowsOf(history: History): Map<StoreName, Rows> {
  const stores = new Map<StoreName, Map<string, Stored>>();
  for (const { store, rows } of history.dumped) {
    const own = history.stored.filter((row) => row.store === store);
    if (own.length === rows) stores.set(store, new Map(own.map((row) => [keyOf(row), row])));
  }
  return stores;
}

const live = (row: Stored | undefined): Stored | undefined => (row === undefined || row.deleted ? undefined : row);

/** The same value at the same position, or both nothing. */
function same(a: Stored | undefined, b: Stored | undefined): Outcome {
  const [left, right] = [live(a), live(b)];
  if (left === undefined && right === undefined) return 'holds';
  const agree = left?.position === right?.position && equal(left?.value, right?.value);
  return agree ? 'holds' : broken({ store: a ?? null, postgres: b ?? null });
}

export function convergence(history: History): Verdict {
  const indexed = indexOf(history);
  const { truth, fold } = indexed;
  const collector = new Collector('convergence');
  const end = new End(indexed);
  const stores = rowsOf(history);
  const postgres = stores.get('POSTGRES');
  const keys = new Map([...expectedKeys(indexed)].map(([key, kind, businessKey]) => [key, { kind, businessKey }]));
  for (const rows of stores.values()) for (const [key, row] of rows) if (!keys.has(key)) keys.set(key, row);
  for (const [key, { kind, businessKey }] of keys) {
    const row = postgres?.get(key);
    const id = { key, position: row?.position ?? null, fault: '' };
    if (history.quiet === null || postgres === undefined) {
      collector.note('stores-agree', id, unknown('no quiet end, or Postgres was not written down'));
      continue;
    }
    const low = end.isLow(key) || row?.cap === 'LOW';
    for (const store of history.meta.stores.filter((name) => name !== 'POSTGRES')) {
      const rows = stores.get(store);
      const outcome = rows === undefined ? unknown(`${store} was not written down`) : same(rows.get(key), row);
      // LOW speaks of the value, not of the copy: what is wrong is wrong alike everywhere.
      collector.note(`${store} = POSTGRES`, id, outcome);
    }
    if (!truth.blind) {
      const logged = truth.newest(key);
      const agree = row?.position === logged?.position && equal(row?.value, logged?.document.value);
      collector.note('rows = log', id, agree ? 'holds' : broken({ row: row ?? null, logged }));
    }
    if (low || !isFolded(kind)) continue;
    const folded = fold.fold(kind, businessKey);
    const right = equal(live(row)?.value, folded === null || folded.deleted ? undefined : folded.value);
    const wrong = end.wasRead(key) ? broken({ row: row ?? null, fold: folded?.value ?? null }) : unknown(NOT_READ);
    collector.note('POSTGRES = fold', id, right ? 'holds' : wrong);
  }
  return collector.verdict();
}
