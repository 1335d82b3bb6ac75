import { asked, CLOSED, failed, healthOf, type BreakerState } from './breaker.js';

const limits = { cooldownMs: 1_000, openAfter: 3, probeMs: 5_000 };
const after = (failures: number, atMs: number): BreakerState =>
  Array.from({ length: failures }).reduce<BreakerState>((state) => failed(state, atMs), CLOSED);

test('suspect for its cooldown after a failure, open after several, then one probe at a time', () => {
  expect(healthOf(CLOSED, 0, limits)).toBe('UP');
  expect([healthOf(after(2, 50), 1_049, limits), healthOf(after(2, 50), 1_050, limits)]).toEqual(['SUSPECT', 'UP']);
  const open = after(3, 50);
  expect([healthOf(open, 1_049, limits), healthOf(open, 1_050, limits)]).toEqual(['OPEN', 'PROBE']);
  const probed = asked(open, 1_050, limits);
  expect([healthOf(probed, 1_051, limits), healthOf(probed, 6_049, limits)]).toEqual(['OPEN', 'OPEN']);
  // Its probe was never heard of again.
  expect(healthOf(probed, 6_050, limits)).toBe('PROBE');
  expect(healthOf(failed(probed, 2_000), 2_999, limits)).toBe('OPEN');
  expect(healthOf(failed(probed, 2_000), 3_000, limits)).toBe('PROBE');
});

test('asking changes nothing while it is closed', () => {
  const state = after(1, 50);
  expect([asked(CLOSED, 10, limits), asked(state, 60, limits)]).toEqual([CLOSED, state]);
});
