import { createHash } from 'node:crypto';

const MASK = (1n << 64n) - 1n;

/** Sum mod 2^64 of the first 8 bytes of sha-256(event_id): incremental, and the order of events does not matter. */
export function addToDigest(digest: bigint, eventId: string): bigint {
  return (digest + createHash('sha256').update(eventId, 'utf8').digest().readBigUInt64BE(0)) & MASK;
}
