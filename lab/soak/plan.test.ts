import { chance } from '../history/now.js';
import { mayMeet, planOf, type Round } from './plan.js';

const FAULTS = ['kill mongodb', 'freeze mongodb', 'kill connect', 'restart kafka', 'cdc-pause', 'slot-backend'];
const rounds = (seed: number, count: number): Round[] => {
  const plan = planOf(FAULTS, chance(seed));
  return Array.from({ length: count }, () => plan.next().value);
};

test('every fault comes once before one comes again', () => {
  const drawn = rounds(7, 60).flatMap(({ faults }) => faults);
  for (let from = 0; from + FAULTS.length <= drawn.length; from += FAULTS.length) {
    expect(drawn.slice(from, from + FAULTS.length).sort()).toEqual([...FAULTS].sort());
  }
});

test('the same seed makes the same plan, another one another', () => {
  expect(rounds(1, 20)).toEqual(rounds(1, 20));
  expect(rounds(1, 20)).not.toEqual(rounds(2, 20));
});

test('what comes together can be undone apart', () => {
  const pairs = [1, 2, 3].flatMap((seed) => rounds(seed, 100)).filter(({ faults }) => faults.length === 2);
  expect(pairs.length).toBeGreaterThan(10);
  for (const { faults } of pairs) expect(mayMeet(faults[0] ?? '', faults[1] ?? '')).toBe(true);
  expect(mayMeet('kill mongodb', 'freeze mongodb')).toBe(false);
  expect(mayMeet('cdc-pause', 'kill connect')).toBe(false);
  expect(mayMeet('slot-backend', 'cdc-pause')).toBe(false);
  expect(mayMeet('kill mongodb', 'cdc-pause')).toBe(true);
  expect(mayMeet('kill taskmanager', 'older-checkpoint jobmanager')).toBe(false);
  expect(mayMeet('restart kafka', 'kill jobmanager')).toBe(false);
  expect(mayMeet('kill taskmanager', 'freeze postgres')).toBe(true);
});
