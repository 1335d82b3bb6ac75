import { plotInWords, plotOf, roundUp, SPAN_MS, withSample, type Sample } from './samples.js';

const at = (atMs: number, value: number | null): Sample => ({ atMs, value });

test('samples of the last two minutes are kept, and no others', () => {
  const kept = [0, 60_000, 119_999, 120_000, 200_000].reduce<readonly Sample[]>(
    (all, ms) => withSample(all, at(ms, 1)),
    [],
  );
  expect(kept.map(({ atMs }) => atMs)).toEqual([119_999, 120_000, 200_000]);
});

test('now is at the right edge, nothing at the bottom, and the top is round', () => {
  const plot = plotOf([at(0, 0), at(1_000, 900), at(SPAN_MS, 300)], SPAN_MS, 240, 48, 1_000);
  expect(plot.top).toBe(1_000);
  // Between the second and the third nobody answered for two minutes.
  expect(plot.path).toBe('M0 48L2 4.8');
  expect(plot.dots).toEqual([{ x: 240, y: 33.6 }]);
});

test('where nothing was known there is no line', () => {
  const plot = plotOf([at(1_000, 1), at(2_000, 1), at(3_000, null), at(4_000, 1), at(5_000, 1)], 5_000, 240, 48, 1);
  expect(plot.path.match(/M/g)?.length).toBe(2);
  expect(plotOf([at(1_000, null)], 5_000, 240, 48, 1)).toEqual({ top: 1, path: '', dots: [] });
});

test('the top grows in steps', () => {
  expect([1, 1.1, 2, 4_999, 5_000, 5_001, 0.3].map(roundUp)).toEqual([1, 2, 2, 5_000, 5_000, 10_000, 0.5]);
});

test('the plot is told to who does not see it', () => {
  const show = (value: number): string => `${value} ms`;
  expect(plotInWords([at(1, 7), at(2, 3), at(3, 5)], show)).toBe(
    'last two minutes: now 5 ms, lowest 3 ms, highest 7 ms',
  );
  expect(plotInWords([at(1, 7), at(2, null)], show)).toBe('last two minutes: not known now, lowest 7 ms, highest 7 ms');
  expect(plotInWords([at(2, null)], show)).toBe('not known yet');
});
