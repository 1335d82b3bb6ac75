import { LogEnds } from './ends.js';

let now: number;
let ends: LogEnds;
beforeEach(() => {
  now = 0;
  ends = new LogEnds(() => now);
});
const note = (asked: bigint, stable: bigint, high: bigint): void => ends.note('t', 0, { asked, stable, high });

test('an open transaction is held for as long as nothing below it becomes readable, and not once it has ended', () => {
  note(5n, 5n, 5n);
  expect(ends.of('t', 0)).toEqual({ asked: 5n, stable: 5n, high: 5n, heldMs: null });
  now = 100;
  note(5n, 5n, 6n);
  now = 600;
  note(5n, 5n, 8n);
  expect(ends.of('t', 0)).toMatchObject({ high: 8n, heldMs: 500 });
  // One transaction after the other, each short, holds nothing for long.
  now = 700;
  note(5n, 7n, 9n);
  expect(ends.of('t', 0)?.heldMs).toBe(0);
  now = 800;
  note(9n, 9n, 9n);
  expect(ends.of('t', 0)?.heldMs).toBeNull();
});

test('of several consumers the one that is ahead says what has been read, and a log that is made anew begins anew', () => {
  note(9n, 10n, 10n);
  note(4n, 10n, 10n);
  expect(ends.of('t', 0)?.asked).toBe(9n);
  note(1n, 2n, 2n);
  expect(ends.of('t', 0)?.asked).toBe(1n);
});

test('what was not heard of for two seconds, or never, is unknown', () => {
  expect(ends.of('t', 0)).toBeNull();
  note(1n, 1n, 1n);
  now = 2_000;
  expect(ends.of('t', 0)).not.toBeNull();
  now = 2_001;
  expect(ends.of('t', 0)).toBeNull();
  expect(ends.of('t', 1)).toBeNull();
});
