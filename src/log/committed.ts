/**
 * Which records of a fetch were written in transactions that were aborted. Pure.
 *
 * A fetch names the aborted transactions that touch it, each by its producer and its first offset, in the order in which
 * they ended: not in that in which they began, and some began before the fetch does. From its first offset on a producer's
 * transactional records are aborted, until its abort marker; a producer has one transaction at a time.
 */
export interface FetchedRecord {
  readonly offset: string;
  readonly key: Buffer | null;
  /** It is a marker, or something else of the broker's. */
  readonly isControlRecord: boolean;
  /** Absent: of a format from before there were transactions. */
  readonly batchContext?: { readonly producerId: string; readonly inTransaction: boolean };
}

export interface AbortedTransaction {
  readonly producerId: string;
  readonly firstOffset: string;
}

/** A marker's key: version and type, int16 each; 0 is an abort. Only of control records: a record's key may say anything. */
const isAbortMarker = ({ isControlRecord, key }: FetchedRecord): boolean =>
  isControlRecord && key !== null && key.length >= 4 && key.readInt16BE(2) === 0;

/**
 * The aborted ones of `records`.
 * @param records whole record batches of one partition, in offset order, with their control records
 */
export function abortedRecords<R extends FetchedRecord>(
  records: readonly R[],
  transactions: readonly AbortedTransaction[],
): R[] {
  const begins = transactions
    .map(({ producerId, firstOffset }) => ({ producerId, first: BigInt(firstOffset) }))
    .sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const aborting = new Set<string>();
  let begun = 0;
  return records.filter((record) => {
    const offset = BigInt(record.offset);
    for (let next = begins[begun]; next !== undefined && next.first <= offset; next = begins[++begun]) {
      aborting.add(next.producerId);
    }
    const { batchContext: batch } = record;
    if (batch === undefined) return false;
    if (!isAbortMarker(record)) return !record.isControlRecord && batch.inTransaction && aborting.has(batch.producerId);
    aborting.delete(batch.producerId);
    return false;
  });
}
