import fc from 'fast-check';
import { CDC_CAUSES } from '../words.js';
import {
  cdcLiveness,
  clockLiveness,
  livenessLimits,
  serverClockLiveness,
  storeLiveness,
  type CdcSeen,
  type ClockSeen,
  type ConnectSeen,
  type SlotSeen,
} from './liveness.js';

const HEARTBEAT_MS = 200;
const LIMITS = livenessLimits(HEARTBEAT_MS, 5_000);

const says = (connector: string, ...tasks: string[]): ConnectSeen => ({ kind: 'answers', connector, tasks });
const slot = (active: boolean, walStatus: string | null = 'reserved'): SlotSeen => ({
  kind: 'there',
  active,
  walStatus,
});
const WELL: CdcSeen = {
  lateMs: 2_000,
  stillMs: 100,
  arrives: true,
  connect: says('RUNNING', 'RUNNING'),
  slot: slot(true),
  kafkaAnswers: true,
};
const cdc = (over: Partial<CdcSeen>): string => cdcLiveness({ ...WELL, ...over }, LIMITS);

test('each cause is said by who runs that part, and only while something is late', () => {
  const causes: [string, Partial<CdcSeen>][] = [
    ['CONNECTOR_PAUSED', { connect: says('PAUSED', 'PAUSED') }],
    ['CONNECTOR_STOPPED', { connect: says('STOPPED'), slot: slot(false) }],
    ['CONNECTOR_MISSING', { connect: { kind: 'unknown-to-it' }, slot: slot(false) }],
    ['CONNECT_DOWN', { connect: { kind: 'refused' }, slot: slot(false) }],
    ['TASK_FAILED', { connect: says('RUNNING', 'FAILED'), slot: slot(false) }],
    ['SLOT_UNREAD', { slot: slot(false) }],
    ['SLOT_MISSING', { slot: { kind: 'missing' }, connect: says('RUNNING', 'FAILED') }],
    ['SLOT_LOST', { slot: slot(false, 'lost') }],
    ['BACK_PRESSURE', {}],
  ];
  expect(causes.map(([, seen]) => cdc(seen))).toEqual(causes.map(([state]) => state));
  const named = causes.map(([state]) => state).slice(0, -1);
  expect(named.sort()).toEqual(Object.keys(CDC_CAUSES).sort());
  // What says PAUSED while everything arrives is wrong: Connect lags behind its own state.
  for (const lateMs of [0, LIMITS.lateMs])
    expect(causes.map(([, seen]) => cdc({ ...seen, lateMs }))).toEqual(causes.map(() => 'FLOWING'));
});

test('whatever stands still is classified within two heartbeats and a second: two heartbeats and 400 ms are left for looking', () => {
  for (const heartbeatMs of [50, 200, 250]) {
    const limits = livenessLimits(heartbeatMs, 5_000);
    expect(limits.lateMs).toBeLessThanOrEqual(2 * heartbeatMs + 1_000 - 400);
    expect(limits.pressedMs).toBeLessThanOrEqual(2 * heartbeatMs + 1_000 - 400);
    expect(cdcLiveness({ ...WELL, lateMs: limits.lateMs + 1, slot: slot(false) }, limits)).toBe('SLOT_UNREAD');
  }
});

test('where evidence is missing it is unknown: no guess, and never a cause', () => {
  const missing: Partial<CdcSeen>[] = [
    { lateMs: null },
    { connect: null },
    { connect: { kind: 'silent' } },
    { slot: null },
    { kafkaAnswers: false },
    { stillMs: null },
    // It may have stood still with the whole machine, and catches up at once.
    { arrives: false },
    { stillMs: LIMITS.stillMs + 1 },
    // A worker that rebalances has no tasks, or says UNASSIGNED, for a moment.
    { connect: says('RUNNING'), slot: slot(false) },
    { connect: says('RUNNING', 'UNASSIGNED'), slot: slot(false) },
    { connect: says('UNASSIGNED', 'RUNNING'), slot: slot(false) },
  ];
  expect(missing.map(cdc)).toEqual(missing.map(() => 'UNKNOWN'));
});

test('a busy machine on which everything is late and nothing is wrong is never told a cause', () => {
  const healthy = fc.record({
    lateMs: fc.double({ min: 0, max: 60_000, noNaN: true }),
    stillMs: fc.option(fc.double({ min: 0, max: 60_000, noNaN: true })),
    arrives: fc.boolean(),
    connect: fc.constantFrom<ConnectSeen | null>(says('RUNNING', 'RUNNING'), { kind: 'silent' }, null),
    slot: fc.constantFrom<SlotSeen | null>(slot(true), slot(true, 'extended'), null),
    kafkaAnswers: fc.boolean(),
  });
  fc.assert(
    fc.property(healthy, (seen) => {
      expect(['FLOWING', 'BACK_PRESSURE', 'UNKNOWN']).toContain(cdcLiveness(seen, LIMITS));
    }),
  );
});

test('a read model is cut off with all others, slow by itself, or unknown; what is being made anew or blocked says so', () => {
  const store = (cdcIs: 'FLOWING' | 'CONNECTOR_PAUSED', over: object = {}): string =>
    storeLiveness(
      { lateMs: 2_000, stillMs: 100, arrives: true, isAhead: true, state: 'running', ...over },
      cdcIs,
      LIMITS,
    );
  expect(store('CONNECTOR_PAUSED')).toBe('CUT_OFF');
  expect(store('CONNECTOR_PAUSED', { isAhead: false })).toBe('BACK_PRESSURE');
  expect(store('FLOWING', { isAhead: false })).toBe('BACK_PRESSURE');
  expect(store('FLOWING', { isAhead: false, stillMs: 6_000 })).toBe('UNKNOWN');
  expect(store('FLOWING', { isAhead: false, arrives: false })).toBe('UNKNOWN');
  expect(store('FLOWING', { lateMs: 600 })).toBe('FLOWING');
  expect(store('FLOWING', { lateMs: null })).toBe('UNKNOWN');
  expect([store('FLOWING', { state: 'rebuilding', lateMs: null }), store('FLOWING', { state: 'blocked' })]).toEqual([
    'REBUILDING',
    'BLOCKED',
  ]);
});

test('the clock hangs only where somebody is seen to hold it, a server for longer; silence alone is not known to be anybody’s fault', () => {
  const clock = (beatMs: number | null, held: ClockSeen['held']): string => clockLiveness({ beatMs, held }, LIMITS);
  expect([clock(2_500, 'by-server'), clock(2_501, 'by-server')]).toEqual(['UNKNOWN', 'HANGING_TRANSACTION']);
  expect([clock(600, null), clock(601, 'by-stranger'), clock(601, 'no'), clock(601, null), clock(null, null)]).toEqual([
    'BEATING',
    'HANGING_TRANSACTION',
    'UNKNOWN',
    'UNKNOWN',
    'UNKNOWN',
  ]);
});

test('this server’s clock is off only if it is for certain: a slow exchange says nothing, nor one during which it was set', () => {
  const off = (leastMs: number, mostMs: number): string => serverClockLiveness({ leastMs, mostMs }, LIMITS);
  expect([off(30_000, 30_005), off(-30_005, -30_000)]).toEqual(['OFF', 'OFF']);
  expect([off(-3, 2), off(900, 1_100), off(-1_100, -900)]).toEqual(['IN_STEP', 'IN_STEP', 'IN_STEP']);
  expect([off(-5, 30_000), off(5, -30_000), off(-600, 600)]).toEqual(['UNKNOWN', 'UNKNOWN', 'UNKNOWN']);
  expect(serverClockLiveness(null, LIMITS)).toBe('UNKNOWN');
});
