import { BUGS, type Bug } from './bugs.js';
import { FIRED } from './faults.js';
import { simulate, type RunResult } from './simulate.js';

/** The soak makes more of them: `npx tsx lab/simulation/run.ts --simulations 100000`. */
const RUNS = 2_000;
/** A bug must show within so many runs. */
const WITHIN = 300;
const LIMIT_MS = 1_800_000;

const again = ({ seed, violations }: RunResult): string =>
  `npx tsx lab/simulation/run.ts --seed ${seed} --trace: ${violations.slice(0, 3).join('; ')}`;

describe(`${RUNS} runs with faults`, () => {
  const failed: string[] = [];
  const fires = new Map<string, number>();
  let proven = 0;

  beforeAll(async () => {
    for (let seed = 1; seed <= RUNS; seed += 1) {
      const result = await simulate({ seed });
      proven += result.proven;
      for (const [fault, times] of result.fires) fires.set(fault, (fires.get(fault) ?? 0) + times);
      if (result.violations.length > 0) failed.push(again(result));
    }
  }, LIMIT_MS);

  test('no claim is false, nothing is lost or made up, and every run comes to rest once its faults are over', () => {
    expect(failed).toEqual([]);
    // Silence would pass, too.
    expect(proven).toBeGreaterThan(RUNS * 20);
  });

  test('every fault of the plan has happened', () => {
    expect(FIRED.filter((fault) => !fires.has(fault))).toEqual([]);
  });
});

test('the same seed is the same run, step by step; another seed is another', async () => {
  const [one, same, other] = [await simulate({ seed: 7 }), await simulate({ seed: 7 }), await simulate({ seed: 8 })];
  expect(same).toEqual(one);
  expect(other.hash).not.toBe(one.hash);
});

test.each(Object.entries(BUGS))(
  'the seeded bug %s is found: %s',
  async (bug) => {
    let found: RunResult | null = null;
    for (let seed = 1; seed <= WITHIN && found === null; seed += 1) {
      const result = await simulate({ seed, bug: bug as Bug });
      if (result.violations.length > 0) found = result;
    }
    expect(found).not.toBeNull();
    // It is the bug that was found, not the run.
    expect((await simulate({ seed: found?.seed ?? 0 })).violations).toEqual([]);
  },
  LIMIT_MS,
);
