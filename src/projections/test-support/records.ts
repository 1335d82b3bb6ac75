/** Changes as Debezium writes them into the CDC topic. */
import { encodeDocument } from '../../stores/document.js';
import type { Change } from '../../stores/port.js';

/** The values of the records of one change: numbered parts with at most `perPart` documents, at least one part. */
export function recordsOf(change: Change, perPart = Number.POSITIVE_INFINITY): Buffer[] {
  const parts: (typeof change.documents)[] = [];
  for (let from = 0; from === 0 || from < change.documents.length; from += perPart) {
    parts.push(change.documents.slice(from, from + perPart));
  }
  return parts.map((documents, part) =>
    Buffer.from(
      JSON.stringify({
        before: null,
        after: {
          position: Number(change.position),
          part,
          parts: parts.length,
          nonce: change.nonce,
          predecessor: change.predecessor,
          incarnation: change.incarnation,
          committed_at_us: Number(change.committedAt),
          keys: '[]',
          documents: JSON.stringify(documents.map(encodeDocument)),
          document_count: documents.length,
        },
        source: { connector: 'postgresql', table: 'commit_log' },
        op: 'c',
        ts_ms: 0,
      }),
    ),
  );
}
