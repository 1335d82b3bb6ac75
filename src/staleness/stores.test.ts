import fc from 'fast-check';
import { position } from '../position/position.js';
import {
  cdcState,
  eventOfCdc,
  eventOfStore,
  stillness,
  storeState,
  type CdcSeen,
  type StoreSeen,
  type StoreState,
} from './stores.js';

const BOUND_MS = 5_000;
const seen = (ageMs: number | null, failures = ageMs === null ? 2 : 0): StoreSeen => ({
  store: 'MONGODB',
  ageMs,
  applied: null,
  failures,
  detail: null,
});
const STATES: readonly StoreState[] = ['FRESH', 'BEHIND', 'UNAVAILABLE'];

test('a store is behind beyond its bound, and fresh again well within it; one unanswered question changes nothing', () => {
  const next = (before: StoreState, one: StoreSeen): StoreState => storeState(before, one, BOUND_MS);
  expect([5_000, 5_000.001].map((age) => next('FRESH', seen(age)))).toEqual(['FRESH', 'BEHIND']);
  expect([2_500, 2_500.001].map((age) => next('BEHIND', seen(age)))).toEqual(['FRESH', 'BEHIND']);
  expect([2_500, 2_500.001].map((age) => next('UNAVAILABLE', seen(age)))).toEqual(['FRESH', 'BEHIND']);
  for (const before of STATES) {
    expect(next(before, seen(null, 1))).toBe(before);
    expect(next(before, seen(null, 2))).toBe('UNAVAILABLE');
  }
});

test('all that is told of a store, put together, is how it stands: each event leaves the state that the one before led to', () => {
  const observation = fc.oneof(
    fc.integer({ min: 0, max: 12_000 }).map((age) => seen(age)),
    fc.constantFrom(seen(null, 1), seen(null, 2)),
  );
  const told = { STORE_CAUGHT_UP: 'FRESH', STORE_BEHIND: 'BEHIND', STORE_UNAVAILABLE: 'UNAVAILABLE' } as const;
  fc.assert(
    fc.property(fc.array(observation), (observations) => {
      let state: StoreState = 'FRESH';
      let heard: StoreState = 'FRESH';
      for (const one of observations) {
        const after = storeState(state, one, BOUND_MS);
        const event = eventOfStore(state, after, one);
        expect(event === null).toBe(after === state);
        if (event !== null) {
          heard = told[event.type as keyof typeof told];
          expect([event.store, event.pipeline]).toEqual(['MONGODB', null]);
        }
        expect(heard).toBe(after);
        state = after;
      }
    }),
  );
});

test('CDC is paused when no read model has moved for longer than the bound, and none of them is blocked; it flows when one moves', () => {
  const cdc = (over: Partial<CdcSeen>): CdcSeen => ({
    stillMs: 0,
    moved: false,
    blocked: false,
    detail: null,
    ...over,
  });
  expect(cdcState('FLOWING', cdc({ stillMs: 5_000 }), BOUND_MS)).toBe('FLOWING');
  expect(cdcState('FLOWING', cdc({ stillMs: 5_001 }), BOUND_MS)).toBe('PAUSED');
  expect(cdcState('FLOWING', cdc({ stillMs: 5_001, blocked: true }), BOUND_MS)).toBe('FLOWING');
  expect(cdcState('FLOWING', cdc({ stillMs: null }), BOUND_MS)).toBe('FLOWING');
  // A server that has just started has seen nothing move.
  expect(cdcState('PAUSED', cdc({ stillMs: 0 }), BOUND_MS)).toBe('PAUSED');
  expect(cdcState('PAUSED', cdc({ moved: true }), BOUND_MS)).toBe('FLOWING');
  expect(eventOfCdc('FLOWING', 'PAUSED', cdc({ stillMs: 6_000, detail: 'PAUSED' }))).toMatchObject({
    type: 'CDC_PAUSED',
    message: 'No change has reached any read model for 6 s: PAUSED.',
  });
  expect([eventOfCdc('PAUSED', 'FLOWING', cdc({}))?.type, eventOfCdc('PAUSED', 'PAUSED', cdc({}))]).toEqual([
    'CDC_RESUMED',
    null,
  ]);
});

test('stillness is counted from the last move of any store, and the first look is no move', () => {
  const at = (...applied: (number | null)[]): StoreSeen[] =>
    applied.map((one) => ({ ...seen(0), applied: one === null ? null : position(one) }));
  const first = stillness(null, at(5, 3), 1_000);
  expect(first).toEqual({ highest: 5n, sinceMs: 1_000, moved: false });
  const second = stillness(first, at(5, 4), 2_000);
  expect(second).toEqual({ highest: 5n, sinceMs: 1_000, moved: false });
  expect(stillness(second, at(6, 4), 3_000)).toEqual({ highest: 6n, sinceMs: 3_000, moved: true });
  // Nobody answers: nothing is known, and the answer after it is no move either.
  const none = stillness(second, at(null, null), 3_000);
  expect(none).toEqual({ highest: null, sinceMs: 3_000, moved: false });
  expect(stillness(none, at(6, 6), 4_000).moved).toBe(false);
});
