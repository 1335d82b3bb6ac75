import type { Committed, SourceEvent } from '../history/types.js';
import { Covered } from './covered.js';

const event = (partition: number, offset: number, appendedAtMs: number): SourceEvent => ({
  type: 'event',
  partition,
  offset,
  key: null,
  value: null,
  appendedAtMs,
});
const look = (sent: number, ...offsets: number[]): Committed => ({
  type: 'committed',
  sent,
  received: sent + 1,
  offsets,
});
const at = (ms: number): string => new Date(ms).toISOString();

const events = [event(0, 0, 100), event(0, 1, 200), event(1, 0, 150)];

test('a record that had been appended by then and that no checkpoint covered when the answer came is missing', () => {
  const covered = new Covered({ events, committed: [look(10, 1, 0), look(20, 1, 1), look(30, 2, 1)] });
  expect(covered.missing(at(99), 5)).toBeNull();
  expect(covered.missing(at(100), 5)).toBeNull();
  expect(covered.missing(at(150), 5)).toEqual({ partition: 1, offset: 0, committed: 0 });
  expect(covered.missing(at(150), 15)).toBeNull();
  expect(covered.missing(at(200), 15)).toEqual({ partition: 0, offset: 1, committed: 1 });
  expect(covered.missing(at(200), 25)).toBeNull();
});

test('what was covered once stays so, though a job that was restored from older state commits less', () => {
  const covered = new Covered({ events, committed: [look(10, 2, 1), look(20, 1, -1)] });
  expect(covered.missing(at(200), 15)).toBeNull();
});

test('nothing committed yet covers nothing; and nobody who looked after the answer, nothing known', () => {
  expect(new Covered({ events, committed: [look(10, -1, -1)] }).missing(at(100), 5)).toEqual({
    partition: 0,
    offset: 0,
    committed: -1,
  });
  expect(new Covered({ events, committed: [look(10, 2, 1)] }).missing(at(100), 11)).toBeUndefined();
});
