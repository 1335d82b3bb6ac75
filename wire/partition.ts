/**
 * Kafka's murmur2, the way the Java client partitions keys. Part of the wire because all results of a symbol must share
 * one result partition whoever sends them, while their message key is the business key.
 */
const SEED = 0x9747b28c;
const M = 0x5bd1e995;

export function murmur2(key: string): number {
  const data = Buffer.from(key, 'utf8');
  let h = SEED ^ data.length;
  const whole = data.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let k = Math.imul(data.readInt32LE(i), M);
    k = Math.imul(k ^ (k >>> 24), M);
    h = Math.imul(h, M) ^ k;
  }
  if (data.length > whole) {
    for (let i = data.length - 1; i >= whole; i--) h ^= data.readUInt8(i) << (8 * (i - whole));
    h = Math.imul(h, M);
  }
  h = Math.imul(h ^ (h >>> 13), M);
  return h ^ (h >>> 15);
}

/** The partition of a symbol, in the source topic (Kafka's default partitioner) and in the result topics alike. */
export function partitionOf(symbol: string, partitions: number): number {
  return (murmur2(symbol) & 0x7fffffff) % partitions;
}
