/** Removing what expired long ago (ADR 10), a bounded number at a time. `_delete_by_query` is a module that not every server has. */
import type { Position } from '../../position/position.js';
import type { Meta } from './position.js';
import { searchHits } from './read.js';
import { call, unavailable, type ElasticPlace, type Json } from './request.js';

const DELETE_AT_ONCE = 2_000;

/**
 * A document that was changed since it was found meets a conflict, and stays. The version of what is gone is forgotten: a
 * redelivery brings it back, expired as it was.
 * @throws AppError POSITION_UNKNOWN (the index is gone) or STORE_UNAVAILABLE, both retryable
 */
export async function purge(place: ElasticPlace, { index }: Meta, to: Position): Promise<number> {
  const found = await searchHits(place, index, {
    query: { range: { position: { lte: String(to) } } },
    sort: [{ position: 'asc' }],
    seq_no_primary_term: true,
    _source: false,
    size: DELETE_AT_ONCE,
  });
  if (found.length === 0) return 0;
  const lines = found.map(({ _id, _seq_no, _primary_term }) =>
    JSON.stringify({ delete: { _id, if_seq_no: _seq_no, if_primary_term: _primary_term } }),
  );
  // Refreshed, so that the next search does not find them again.
  const request = { method: 'POST', path: `/${index}/_bulk`, query: { refresh: true } } as const;
  const { items } = await call(place, { ...request, lines: `${lines.join('\n')}\n` }, place.limits.writeMs, 'unknown');
  const failed = (items as Json[]).find(({ delete: item }) => ![200, 404, 409].includes(item.status));
  if (failed !== undefined) throw unavailable(`a deletion failed: ${failed.delete.error?.reason}`, 'unknown');
  return (items as Json[]).filter(({ delete: item }) => item.status === 200).length;
}
