/**
 * What two workloads make true by themselves, whatever a fold says: transfers conserve a total over many keys, and an order
 * that somebody counts up never goes back.
 */
import { keyOf, type Document, type History, type Stored } from '../history/types.js';
import { End, indexOf, type Indexed } from './claims.js';
import { broken, Collector, unknown, type Outcome, type Verdict } from './verdict.js';

/** Names of the workloads, as a recording's notes say them. */
export const TRANSFERS = 'transfers';
export const SEQUENCES = 'sequences';
/** Symbols of accounts, and the beginning of an order's id. */
export const ACCOUNT = /^ACC\d+$/;
export const SEQUENCE = /^SEQ-/;

interface Total {
  readonly buys: number;
  readonly sells: number;
}

const plus = (a: Total, b: Total): Total => ({ buys: a.buys + b.buys, sells: a.sells + b.sells });
const NOTHING: Total = { buys: 0, sells: 0 };

/** Each transfer takes from one account and gives to another: over all accounts as much was given as was taken. */
export function conservedTotal(history: History): Verdict {
  const indexed = indexOf(history);
  const end = new End(indexed);
  const collector = new Collector('conserved-total');
  const source = sourceTotal(indexed);
  for (const { store } of history.dumped) {
    for (const engine of indexed.truth.engines) {
      const rows = history.stored.filter(
        (row) => row.store === store && row.engine === engine && row.kind === 'order_window' && isAccount(row),
      );
      const id = { key: `accounts|${engine}|${store}`, position: null, fault: '' };
      collector.note('total', id, history.quiet === null ? unknown('no quiet end') : outcomeOf(rows, source, end));
    }
  }
  if (history.dumped.length === 0)
    collector.note('total', { key: 'accounts', position: null, fault: '' }, unknown('no store was written down'));
  return collector.verdict({ ...source });
}

const isAccount = ({ value, deleted }: Stored): boolean => !deleted && ACCOUNT.test(String(value['symbol']));

function sourceTotal({ fold }: Indexed): Total {
  const sides = new Map<string, string>();
  for (const { op, row } of fold.decoded)
    if (op === 'c' && ACCOUNT.test(row.symbol) && !sides.has(row.order_id)) sides.set(row.order_id, row.side);
  const all = [...sides.values()];
  return { buys: all.filter((side) => side === 'BUY').length, sells: all.filter((side) => side === 'SELL').length };
}

function outcomeOf(rows: readonly Stored[], source: Total, end: End): Outcome {
  if (source.buys !== source.sells) return unknown('half of a transfer was never written');
  const total = rows
    .map(({ value }) => ({ buys: Number(value['orders_buy']), sells: Number(value['orders_sell']) }))
    .reduce(plus, NOTHING);
  if (total.buys === source.buys && total.sells === source.sells) return 'holds';
  // What is said to be wrong may be.
  const low = rows.filter((row) => row.cap === 'LOW' || end.isLow(keyOf(row))).length;
  return low > 0 ? unknown('a member is LOW, and says so') : broken({ total, source });
}

/** Versions of an order as they were accepted never go back, unless the row says that it may be wrong (LOW); and the last one that was written is the one that stays. */
export function perKeySequence(history: History): Verdict {
  const indexed = indexOf(history);
  const { truth } = indexed;
  const end = new End(indexed);
  const collector = new Collector('per-key-sequence');
  const written = newestWritten(indexed);
  for (const key of truth.keys()) {
    const versions = truth.versions(key);
    const first = versions[0]?.document;
    if (first?.kind !== 'order' || !SEQUENCE.test(first.businessKey)) continue;
    for (const [i, { document, position }] of versions.entries()) {
      const before = versions[i - 1];
      const back = before !== undefined && versionOf(document) < versionOf(before.document);
      const id = { key, position, fault: '' };
      // An engine that recounts after a crash goes back: LOW, and says so.
      const said = document.cap === 'LOW' ? null : broken({ before: before?.document.value, value: document.value });
      collector.note('never-back', id, back ? said : 'holds');
    }
    const id = { key, position: versions.at(-1)?.position ?? null, fault: '' };
    if (history.quiet === null) collector.note('newest-stays', id, unknown('no quiet end'));
    for (const row of history.quiet === null ? [] : history.stored.filter((each) => keyOf(each) === key)) {
      const due = written.get(first.businessKey);
      const right = versionOf(row) === due || end.isLow(key);
      collector.note('newest-stays', { ...id, fault: row.store }, right ? 'holds' : broken({ row, due }));
    }
  }
  return collector.verdict();
}

const versionOf = ({ value }: Pick<Document, 'value'>): number => Number(value['version']);

function newestWritten({ fold }: Indexed): Map<string, number> {
  const newest = new Map<string, number>();
  for (const { row } of fold.decoded)
    if (SEQUENCE.test(row.order_id)) newest.set(row.order_id, Math.max(row.version, newest.get(row.order_id) ?? 0));
  return newest;
}
