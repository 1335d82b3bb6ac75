import { micros, position } from '../position/position.js';
import { Lateness, type AppliedSeen, type ClockLook } from './lateness.js';

const HISTORY = 'inc-1';
const applied = (at: number, committedMs: number, incarnation = HISTORY): AppliedSeen => ({
  position: position(at),
  incarnation,
  committedAt: micros(committedMs * 1_000),
});
const look = (clock: number, ms: number, incarnation = HISTORY): ClockLook => ({
  clock: position(clock),
  incarnation,
  now: micros(ms * 1_000),
  atMs: ms,
  spanMs: 0,
});
const at = (ms: number) => micros(ms * 1_000);

test('it is counted from the commit of the oldest position that is not applied; what has all is not late, however long ago', () => {
  const lateness = new Lateness();
  lateness.note(look(5, 100));
  lateness.note(look(8, 900));
  expect(lateness.of(applied(5, 90), at(150), look(8, 900))).toBe(750);
  expect(lateness.of(applied(8, 10), null, look(8, 900))).toBe(0);
  // The log has forgotten it: an upper bound is left.
  expect(new Lateness().of(applied(5, 90), null, look(8, 900))).toBe(810);
});

test('a transaction that held the clock for long is no late one when it becomes visible', () => {
  const lateness = new Lateness();
  for (const ms of [200, 400, 600, 10_000]) lateness.note(look(5, ms));
  const first = look(6, 10_200);
  lateness.note(first);
  expect(lateness.of(applied(5, 100), at(150), first)).toBe(200);
  const later = look(7, 10_900);
  lateness.note(later);
  expect(lateness.of(applied(5, 100), at(150), later)).toBe(900);
});

test('what a look itself took is taken off: nobody knows what was applied meanwhile', () => {
  const slow = { ...look(8, 1_900), atMs: 900, spanMs: 1_000 };
  expect(new Lateness().of(applied(5, 90), at(150), slow)).toBe(750);
  expect(new Lateness().of(applied(5, 90), at(1_000), slow)).toBe(0);
});

test('positions of another history, or ahead of the clock, say nothing', () => {
  const lateness = new Lateness();
  lateness.note(look(8, 900));
  expect(lateness.of(applied(5, 90, 'inc-0'), at(100), look(8, 900))).toBeNull();
  expect(lateness.of(applied(9, 90), null, look(8, 900))).toBeNull();
  // A new history forgets the looks at the old one.
  lateness.note(look(3, 1_000, 'inc-2'));
  expect(lateness.of(applied(2, 500, 'inc-2'), at(600), look(3, 1_000, 'inc-2'))).toBe(400);
});
