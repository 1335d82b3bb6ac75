import { execa } from 'execa';
import { builtProgram } from '../../stack/apps.js';
import { BUGS } from './bugs.js';
import { FIRED } from './faults.js';
import { simulate } from './simulate.js';

/** The soak makes more of them: `npm run soak -- --simulations 100000`. */
const RUNS = 5_000;
/** A bug must show within so many runs. */
const WITHIN = 300;
const LIMIT_MS = 1_800_000;

interface Told {
  readonly proven: number;
  readonly fires: Readonly<Record<string, number>>;
  readonly failed: readonly number[];
  /** What is said of the runs that failed: what was false, and the command that shows it again. */
  readonly said: string;
}

/** In a process of its own: compiled ahead and outside of jest's realm a run takes little more than half the time. */
async function simulations(...args: string[]): Promise<Told> {
  const { stdout } = await execa(process.execPath, [...builtProgram('simulations'), '--json', ...args], {
    reject: false,
  });
  const lines = stdout.split('\n');
  return { ...(JSON.parse(lines.at(-1) ?? '') as Omit<Told, 'said'>), said: lines.slice(0, 40).join('\n') };
}

describe(`${RUNS} runs with faults`, () => {
  let told: Told;
  beforeAll(async () => {
    told = await simulations('--simulations', String(RUNS));
  }, LIMIT_MS);

  test('no claim is false, nothing is lost or made up, and every run comes to rest once its faults are over', () => {
    expect([told.failed, told.failed.length > 0 ? told.said : '']).toEqual([[], '']);
    // Silence would pass, too.
    expect(told.proven).toBeGreaterThan(RUNS * 20);
  });

  test('every fault of the plan has happened', () => {
    expect(FIRED.filter((fault) => !Object.hasOwn(told.fires, fault))).toEqual([]);
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
    const [found] = (await simulations('--bug', bug, '--first', '--simulations', String(WITHIN))).failed;
    expect(found).toBeGreaterThan(0);
    // It is the bug that was found, not the run.
    expect((await simulate({ seed: found ?? 0 })).violations).toEqual([]);
  },
  LIMIT_MS,
);
