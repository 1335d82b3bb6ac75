import fc from 'fast-check';
import { CDC_CAUSES } from '../words.js';
import {
  cdcState,
  eventOfCdc,
  eventOfStore,
  storeState,
  type CdcState,
  type CdcTold,
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

const told = (over: Partial<CdcTold>): CdcTold => ({
  state: 'UNKNOWN',
  moved: false,
  lateMs: 0,
  blocked: false,
  ...over,
});
const next = (before: CdcState, over: Partial<CdcTold>): CdcState => cdcState(before, told(over), BOUND_MS);

test('a cause is told at once, that nothing arrives for no known reason only beyond the bound, and not while a projection is to blame', () => {
  for (const state of Object.keys(CDC_CAUSES)) {
    expect(next('FLOWING', { state, lateMs: 601 })).toBe(state);
    expect(next('PAUSED', { state })).toBe(state);
  }
  const beyond = [5_000, 5_000.001, null].map((lateMs) => next('FLOWING', { lateMs }));
  expect(beyond).toEqual(['FLOWING', 'PAUSED', 'FLOWING']);
  expect(next('FLOWING', { lateMs: 5_001, blocked: true })).toBe('FLOWING');
  // It has moved for as long as it flowed.
  expect(next('FLOWING', { lateMs: 5_001, moved: true })).toBe('PAUSED');
  // Too late is not cut off.
  expect(next('FLOWING', { state: 'BACK_PRESSURE', lateMs: 9_000 })).toBe('FLOWING');
});

test('what was told is taken back when changes arrive, and not because nobody knows the cause any more', () => {
  expect(next('CONNECTOR_PAUSED', { state: 'UNKNOWN', lateMs: 9_000 })).toBe('CONNECTOR_PAUSED');
  expect(next('CONNECTOR_PAUSED', { state: 'BACK_PRESSURE', lateMs: 9_000 })).toBe('CONNECTOR_PAUSED');
  expect(next('CONNECTOR_PAUSED', { state: 'BACK_PRESSURE', lateMs: 9_000, moved: true })).toBe('FLOWING');
  expect(next('PAUSED', { state: 'FLOWING' })).toBe('FLOWING');
  // Paused still, whatever had been on its way when it was.
  expect(next('CONNECTOR_PAUSED', { state: 'CONNECTOR_PAUSED', lateMs: 700, moved: true })).toBe('CONNECTOR_PAUSED');
});

test('one event per transition of CDC, with the cause as its reason', () => {
  expect(eventOfCdc('FLOWING', 'SLOT_UNREAD', told({ lateMs: 712 }))).toMatchObject({
    type: 'CDC_PAUSED',
    reasons: ['SLOT_UNREAD'],
    message:
      'No change has reached any read model for 0.7 s. Nobody reads the replication slot, though the connector says that it runs.',
  });
  expect(eventOfCdc('FLOWING', 'PAUSED', told({ lateMs: 6_000 }))).toMatchObject({ type: 'CDC_PAUSED', reasons: [] });
  expect(eventOfCdc('TASK_FAILED', 'FLOWING', told({}))?.type).toBe('CDC_RESUMED');
  expect(eventOfCdc('TASK_FAILED', 'CONNECTOR_STOPPED', told({}))?.reasons).toEqual(['CONNECTOR_STOPPED']);
  expect(eventOfCdc('PAUSED', 'PAUSED', told({}))).toBeNull();
});
