import fc from 'fast-check';
import { PgClock } from './clock.js';
import type { Poll } from './types.js';

const poll = (sent: number, received: number, pgUs: number): Poll => ({
  type: 'poll',
  sent,
  received,
  pgUs,
  position: 0,
});

test('the bounds hold the true time, whatever the round trips, the offset and one step of the clock', () => {
  const looks = fc.array(
    fc.record({ gap: fc.nat(500), trip: fc.nat(50), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    {
      minLength: 2,
      maxLength: 30,
    },
  );
  fc.assert(
    fc.property(
      looks,
      fc.integer(),
      fc.integer({ min: -600_000, max: 600_000 }),
      fc.nat(),
      (given, offset, step, when) => {
        let mono = 0;
        const total = given.reduce((sum, { gap, trip }) => sum + gap + trip, 0);
        const steppedAt = when % Math.max(1, total);
        const pg = (at: number): number => Math.round((at + offset + (at >= steppedAt ? step : 0)) * 1000);
        const polls = given.map(({ gap, trip, share }) => {
          const sent = (mono += gap);
          mono += trip;
          return poll(sent, mono, pg(sent + trip * share));
        });
        const clock = new PgClock(polls);
        for (let at = polls[0]!.received; at <= polls.at(-1)!.sent; at += 37) {
          const bounds = clock.at(at);
          expect(bounds!.lowUs).toBeLessThanOrEqual(pg(at) + 1);
          expect(bounds!.highUs).toBeGreaterThanOrEqual(pg(at) - 1);
        }
      },
    ),
  );
});

test('without a look nothing is known; beyond the last one the drift is added', () => {
  expect(new PgClock([]).at(5)).toBeNull();
  const clock = new PgClock([poll(0, 2, 1_000_000)]);
  const near = clock.at(10)!;
  const far = clock.at(100_010)!;
  expect(far.highUs - far.lowUs).toBeGreaterThan(near.highUs - near.lowUs);
});
