import type { Micros } from '../position/position.js';
import { LateStaleness } from './staleness.js';

const us = (ms: number): Micros => (ms * 1000) as Micros;
const clockAt = (now: number | null, monotonic = 0) => {
  const clock = {
    at: now,
    monotonic,
    now: () => (clock.at === null ? null : us(clock.at)),
    monotonicMs: () => clock.monotonic,
  };
  return clock;
};

test('the bound is that of the moment of stringifying, not of making', () => {
  const clock = clockAt(1000);
  const claim = new LateStaleness(clock, us(900), clock.now());
  clock.at = 1750;
  expect(JSON.stringify({ stalenessMs: claim })).toBe('{"stalenessMs":850}');
});

test("when Postgres' time is lost or steps back in between, the time that passed here is added instead", () => {
  const clock = clockAt(1000, 5);
  const claim = new LateStaleness(clock, us(900), clock.now());
  clock.at = null;
  clock.monotonic = 305.5;
  expect(claim.toJSON()).toBe(401);
  clock.at = 100;
  expect(claim.toJSON()).toBe(401);
});

test('unknown from the start stays null, and so does what no Int can hold', () => {
  expect(new LateStaleness(clockAt(null), us(900), null).toJSON()).toBeNull();
  expect(new LateStaleness(clockAt(1000), null, us(1000)).toJSON()).toBeNull();
  expect(new LateStaleness(clockAt(2 ** 31), us(0), us(0)).toJSON()).toBeNull();
  expect(new LateStaleness(clockAt(2 ** 31 - 1), us(0), us(0)).toJSON()).toBe(2 ** 31 - 1);
});
