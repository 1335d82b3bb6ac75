import { mulberry32 } from '../../generator/random.js';
import { abortedRecords, type AbortedTransaction, type FetchedRecord } from './committed.js';

interface Written extends FetchedRecord {
  readonly aborted: boolean;
}
interface Log {
  readonly records: Written[];
  /** As a broker lists them: in the order in which they ended. */
  readonly transactions: (AbortedTransaction & { readonly last: number })[];
}

const MARKER = { abort: Buffer.from([0, 0, 0, 0]), commit: Buffer.from([0, 0, 0, 1]) };

/** A partition that producers write to in overlapping transactions; the records know how theirs ended. */
function randomLog(seed: number): Log {
  const random = mulberry32(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const open = new Map<string, { first: number; ends: 'abort' | 'commit' }>();
  const log: Log = { records: [], transactions: [] };
  const append = (producerId: string, inTransaction: boolean, record: Partial<Written>): void => {
    const batchContext = { producerId, inTransaction };
    const offset = String(log.records.length);
    log.records.push({ offset, key: null, isControlRecord: false, aborted: false, batchContext, ...record });
  };
  for (let n = 0; n < 40; n += 1) {
    const producerId = String(below(4));
    const transaction = open.get(producerId);
    if (random() < 0.1) append('-1', false, {});
    else if (transaction === undefined || random() < 0.6) {
      const ends = random() < 0.6 ? 'abort' : 'commit';
      const own = transaction ?? { first: log.records.length, ends };
      open.set(producerId, own);
      append(producerId, true, { aborted: own.ends === 'abort', key: random() < 0.3 ? MARKER.abort : null });
    } else {
      open.delete(producerId);
      const last = log.records.length;
      append(producerId, true, { isControlRecord: true, key: MARKER[transaction.ends] });
      if (transaction.ends === 'abort')
        log.transactions.push({ producerId, firstOffset: String(transaction.first), last });
    }
  }
  return log;
}

test('exactly the aborted records are found, wherever a fetch begins and ends and however transactions overlap', () => {
  let aborted = 0;
  for (let seed = 1; seed <= 200; seed += 1) {
    const { records, transactions } = randomLog(seed);
    // What is still open lies beyond the last stable offset: nobody fetches it.
    const open = records.findIndex(
      ({ aborted: is, batchContext }, n) =>
        is &&
        !transactions.some(
          (t) => t.producerId === batchContext?.producerId && t.last > n && Number(t.firstOffset) <= n,
        ),
    );
    const stable = open === -1 ? records.length : open;
    for (let from = 0; from < stable; from += 1) {
      const to = from + 1 + ((seed * 7 + from * 13) % (stable - from));
      const fetched = records.slice(from, to);
      const listed = transactions.filter(({ firstOffset, last }) => last >= from && Number(firstOffset) < to);
      const expected = fetched.filter((record) => record.aborted);
      aborted += expected.length;
      expect(abortedRecords(fetched, listed)).toEqual(expected);
    }
  }
  expect(aborted).toBeGreaterThan(10_000);
});

test('records of a format from before transactions are never aborted', () => {
  const old: FetchedRecord = { offset: '3', key: null, isControlRecord: false };
  expect(abortedRecords([old], [{ producerId: '-1', firstOffset: '0' }])).toEqual([]);
});
