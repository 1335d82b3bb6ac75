import fc from 'fast-check';
import { comparePlaces, idOf, readId, standingOf, type Bounds } from './event-id.js';
import { position } from './position.js';

const HERE = 'aaaaaaaa-0000-4000-8000-000000000000';
const BEFORE = 'bbbbbbbb-0000-4000-8000-000000000000';

test('an id says what it was made of, and nothing else is one', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }),
      fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      (at, ordinal) => {
        const text = idOf({ position: position(at), ordinal, incarnation: HERE });
        expect(readId(text)).toEqual({ position: at, ordinal, history: 'aaaaaaaa' });
      },
    ),
  );
  expect(readId('7-1')).toEqual({ position: 7n, ordinal: 1, history: null });
  for (const text of ['', '7', '7-', '-7-1', '7-1-', '7-1-xyz', '7-1-AAAAAAAA', '7-2147483648', ' 7-1', '7-1\n'])
    expect(readId(text)).toBeNull();
});

const bounds = (over: Partial<Bounds> = {}): Bounds => ({
  clock: position(100),
  incarnation: HERE,
  prunedTo: { position: position(10), ordinal: 2 },
  at: null,
  ...over,
});
const standing = (id: string, over: Partial<Bounds> = {}): string => standingOf(readId(id)!, bounds(over));

test('an id of this history is known unless something behind it was pruned; of another, by the event that is still there', () => {
  expect(standing('50-1-aaaaaaaa')).toBe('KNOWN');
  expect(['10-1-aaaaaaaa', '10-2-aaaaaaaa', '10-3-aaaaaaaa'].map((id) => standing(id))).toEqual([
    'EXPIRED',
    'KNOWN',
    'KNOWN',
  ]);
  expect(standing('101-1-aaaaaaaa')).toBe('UNKNOWN');
  expect(standing('50-1-bbbbbbbb')).toBe('UNKNOWN');
  expect(standing('50-1-bbbbbbbb', { at: { incarnation: HERE } })).toBe('UNKNOWN');
  expect(standing('50-1-bbbbbbbb', { at: { incarnation: BEFORE } })).toBe('KNOWN');
  expect(standing('50-1', { at: { incarnation: null } })).toBe('KNOWN');
  expect(standing('50-1', { at: { incarnation: HERE } })).toBe('UNKNOWN');
  // What was pruned can't be told from what never was: a gap either way.
  expect(standing('9-1-bbbbbbbb')).toBe('EXPIRED');
});

test('places are in one order', () => {
  const place = fc.record({ position: fc.bigInt({ min: 0n, max: 9n }).map(position), ordinal: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(place), (places) => {
      const sorted = [...places].sort(comparePlaces);
      const numbers = sorted.map(({ position: at, ordinal }) => Number(at) * 10 + ordinal);
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }),
  );
});
