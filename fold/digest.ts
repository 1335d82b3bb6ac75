import { createHash } from 'node:crypto';

const MASK = (1n << 64n) - 1n;

const hashOf = (eventId: string): Buffer => createHash('sha256').update(eventId, 'utf8').digest();

/** Sum mod 2^64 of the first 8 bytes of sha-256(event_id): incremental, and the order of events does not matter. */
export function addToDigest(digest: bigint, eventId: string): bigint {
  return (digest + hashOf(eventId).readBigUInt64BE(0)) & MASK;
}

/** One event's 8 bytes as two numbers: many of them are kept, and summed often. */
export type Half = readonly [high: number, low: number];

export function digestOf(eventId: string): Half {
  const hash = hashOf(eventId);
  return [hash.readUInt32BE(0), hash.readUInt32BE(4)];
}

/** Exact for up to 2^21 events. */
export function sumOf(digests: readonly Half[]): bigint {
  let high = 0;
  let low = 0;
  for (const [h, l] of digests) {
    high += h;
    low += l;
  }
  return ((BigInt(high) << 32n) + BigInt(low)) & MASK;
}
