import { mulberry32 } from '../../generator/random.js';
import { readSourceAsOf } from './source-as-of.js';

const AT = Date.UTC(2026, 10, 21);

interface Source {
  /** Append times by offset, never falling: milliseconds after AT. */
  readonly appended: number[];
  committed: number;
  /** The raw log holds what lies below. */
  held: number;
}

const read = (partitions: readonly Source[], between: () => void = () => undefined): Promise<string | null> =>
  readSourceAsOf({
    committed: async () => {
      const offsets = new Map(partitions.map(({ committed }, p) => [p, committed < 0 ? null : BigInt(committed)]));
      between();
      return offsets;
    },
    rawLog: {
      appendedAtMs: async (p, offset) => {
        const { appended, held } = partitions[p] as Source;
        between();
        const time = appended[Math.min(Number(offset), held - 1)];
        return time === undefined ? null : AT + time;
      },
    },
  });

test('up to the next record, as far as the raw log holds it; the slowest partition decides', async () => {
  const fast = { appended: [1, 5, 9], committed: 3, held: 3 };
  const slow = { appended: [2, 4, 8, 8], committed: 2, held: 4 };
  expect(await read([fast])).toBe(new Date(AT + 8).toISOString());
  expect(await read([fast, slow])).toBe(new Date(AT + 7).toISOString());
  expect(await read([fast, { ...slow, held: 2 }])).toBe(new Date(AT + 3).toISOString());
});

test('a partition of which nothing is committed, or nothing held, makes it unknown', async () => {
  const known = { appended: [1], committed: 1, held: 1 };
  expect(await read([known, { appended: [1], committed: -1, held: 1 }])).toBeNull();
  expect(await read([known, { appended: [1], committed: 1, held: 0 }])).toBeNull();
  expect(await read([])).toBeNull();
});

test('whatever is appended, committed and held between the reads, every record up to it is covered', async () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = mulberry32(seed);
    const below = (n: number): number => Math.floor(random() * n);
    let clock = 0;
    const partitions: Source[] = Array.from({ length: 3 }, () => ({ appended: [], committed: -1, held: 0 }));
    const step = (): void => {
      const one = partitions[below(3)] as Source;
      clock += below(3);
      const does = below(4);
      if (does < 2) one.appended.push(clock);
      else if (does === 2) one.committed += below(one.appended.length - one.committed + 1);
      else one.held += below(one.appended.length - one.held + 1);
    };
    const steps = (): void => void Array.from({ length: below(20) }, step);
    for (let n = 0; n < 10; n += 1) {
      steps();
      const time = await read(partitions, steps);
      const covered = partitions.map(({ committed }) => committed);
      // Afterwards: what came meanwhile counts, too.
      steps();
      if (time === null) continue;
      for (const [p, { appended }] of partitions.entries()) {
        const late = appended.findIndex(
          (at, offset) => offset >= (covered[p] as number) && AT + at <= Date.parse(time),
        );
        expect(late).toBe(-1);
      }
    }
  }
});
