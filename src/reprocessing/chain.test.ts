import type { RawRecord } from '../raw/port.js';
import { follows, head } from './chain.js';

const raw = (...links: [offset: number, predecessor: number | null][]): RawRecord[] =>
  links.map(([offset, predecessor]) => ({
    partition: 0,
    offset: BigInt(offset),
    predecessor: predecessor === null ? null : BigInt(predecessor),
    key: null,
    value: null,
    appendedAtMs: 0,
  }));

/** What is found below `low` in a raw log that holds these; null: it is not whole. */
async function below(records: RawRecord[], low: number): Promise<number[] | null> {
  const read = async (_: number, from: bigint, limit: number): Promise<RawRecord[]> =>
    records.filter((record) => record.offset >= from).slice(0, limit);
  const found = await head({ read }, 0, BigInt(low), new AbortController().signal);
  if (found === null) return null;
  const offsets: number[] = [];
  for await (const { offset } of found) offsets.push(Number(offset));
  return offsets;
}

test('a beginning is whole if each record names the one before it, up to where the topic goes on', async () => {
  expect(await below(raw([0, null], [1, 0], [4, 1], [5, 4]), 5)).toEqual([0, 1, 4]);
  expect(await below(raw([0, null], [1, 0], [4, 1], [6, 4]), 5)).toEqual([0, 1, 4]);
  // Nothing has come since: the topic is empty from here on.
  expect(await below(raw([0, null], [1, 0], [4, 1]), 5)).toEqual([0, 1, 4]);
});

test.each([
  ['a hole', raw([0, null], [1, 0], [5, 4])],
  ['its first record is gone', raw([1, 0], [5, 1])],
  ['the chain began anew', raw([0, null], [4, null], [5, 4])],
  ['it began behind the first record', raw([3, null], [5, 3])],
  ['it does not reach the topic', raw([0, null], [1, 0])],
  ['it is empty', raw()],
])('a beginning is gone: %s', async (_, records) => {
  expect(await below(records, 5)).toBeNull();
});

test('nothing follows itself', () => {
  expect(follows(5n, { offset: 5n, predecessor: 5n })).toBe(false);
});
