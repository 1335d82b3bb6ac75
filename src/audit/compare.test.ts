import fc from 'fast-check';
import { keyOf } from '../position/commit-log.js';
import { position, type Position } from '../position/position.js';
import { History, key, result } from '../stores/conformance.data.js';
import { compareText } from '../stores/listing.js';
import type { Scanned, ScanRange, StoredResult } from '../stores/port.js';
import { compare, judge, judgeAgain, type ComparedAt, type Verdict } from './compare.js';

const at = (applied: number, expiredTo: number | null = null): ComparedAt => ({
  applied: position(applied),
  expiredTo: expiredTo === null ? null : position(expiredTo),
});
const of = (p: number, over: Partial<StoredResult> = {}): StoredResult => ({
  ...result(position(p), { businessKey: 'a' }),
  ...over,
});
const lies = (document: StoredResult | null): Scanned => ({ businessKey: 'a', result: document });
const range = (limit: number, after = ''): ScanRange => ({ kind: 'order_window', engine: 'KAFKA_ONLY', after, limit });

describe('one key', () => {
  const altered = { calculatedValue: { ...of(5).calculatedValue, total_amount: '1' } };
  const ordered = { ...of(5), calculatedValue: Object.fromEntries(Object.entries(of(5).calculatedValue).reverse()) };

  test.each<[string, StoredResult | null, Scanned | undefined, ComparedAt, Verdict]>([
    ['the same', of(5), lies(of(5)), at(9), 'EQUAL'],
    ['the same, its members in another order', of(5), lies(ordered), at(9), 'EQUAL'],
    ['the same instant, written otherwise', of(5, { lastCheckpointTime: '2026-01-05T09:00:00Z' }),
      lies(of(5, { lastCheckpointTime: '2026-01-05T09:00:00.000Z' })), at(9), 'EQUAL'],
    ['another value', of(5), lies(of(5, altered)), at(9), 'VALUE'],
    ['another cap', of(5), lies(of(5, { cap: 'HIGH' })), at(9), 'VALUE'],
    ['other reasons', of(5), lies(of(5, { reasons: [] })), at(9), 'VALUE'],
    ['said to be final', of(5), lies(of(5, { final: true })), at(9), 'VALUE'],
    ['deleted there alone', of(5), lies(of(5, { deleted: true })), at(9), 'VALUE'],
    ['not readable', of(5), lies(null), at(9), 'VALUE'],
    ['newer than the truth', of(5), lies(of(7)), at(9), 'VALUE'],
    ['newer than anything', of(5), lies(of(70)), at(9), 'VALUE'],
    ['older, though the newer is applied', of(5), lies(of(4)), at(5), 'LEFT_BEHIND'],
    ['older, and the newer is not applied', of(5), lies(of(4)), at(4), 'IN_FLIGHT'],
    ['altered, and the newer is not applied', of(5), lies(of(3, altered)), at(4), 'IN_FLIGHT'],
    ['missing', of(5), undefined, at(5), 'MISSING'],
    ['missing, and not applied', of(5), undefined, at(4), 'IN_FLIGHT'],
    ['missing, and deleted in Postgres', of(5, { deleted: true }), undefined, at(5), 'MISSING'],
    ['in the store alone', null, lies(of(5)), at(9), 'EXTRA'],
    ['in the store alone, not readable', null, lies(null), at(9), 'EXTRA'],
    ['in the store alone, newer than what it has applied', null, lies(of(12)), at(9), 'EXTRA'],
    ['in the store alone, deleted', null, lies(of(5, { deleted: true })), at(9), 'EQUAL'],
    ['in the store alone, expired', null, lies(of(5)), at(9, 5), 'EQUAL'],
    ['in neither', null, undefined, at(9), 'EQUAL'],
    ['expired, and removed from the store', of(5), undefined, at(9, 5), 'EQUAL'],
    ['expired, and altered', of(5), lies(of(5, altered)), at(9, 5), 'EQUAL'],
    ['expired in the store alone', of(6), lies(of(5)), at(9, 5), 'LEFT_BEHIND'],
    ['expired in Postgres alone', of(5), lies(of(6)), at(9, 5), 'VALUE'],
    ['expired, and not readable', of(5), lies(null), at(9, 5), 'VALUE'],
  ])('%s', (_, row, found, compared, verdict) => {
    expect(judge(row, found, compared)).toBe(verdict);
  }); // prettier-ignore
});

describe('a range', () => {
  const named = (...names: readonly string[]): StoredResult[] =>
    names.map((businessKey) => of(5, { businessKey })).sort((a, b) => compareText(a.businessKey, b.businessKey));
  const lie = (documents: readonly StoredResult[]): Scanned[] =>
    documents.map((document) => ({ businessKey: document.businessKey, result: document }));

  test('nothing is said of what lies behind the end of a full page of either side', () => {
    const both = compare(range(3), lie(named('a', 'b', 'd')), named('a', 'c'), at(9));
    expect(both.divergences.map(({ type, businessKey }) => [type, businessKey])).toEqual([
      ['MISSING', 'c'],
      ['EXTRA', 'b'],
      ['EXTRA', 'd'],
    ]);
    expect(both.upTo).toBe('d');
    const rows = compare(range(3), lie(named('a', 'x', 'y')), named('a', 'b', 'c'), at(9));
    expect([rows.upTo, rows.keys, rows.divergences.map(({ businessKey }) => businessKey)]).toEqual([
      'c',
      3,
      ['b', 'c'],
    ]);
    expect(compare(range(4), lie(named('a')), named('a'), at(9))).toEqual({ divergences: [], keys: 1, upTo: null });
  });

  test('the end is by bytes, as every store orders, and not by UTF-16', () => {
    const [high, low] = ['\u{1F600}', '\uffee'] as const;
    expect(high < low).toBe(true);
    expect(compare(range(1), lie(named(low)), named(high), at(9)).upTo).toBe(low);
  });
});

/** What a store may hold at an honest applied position: of each key its newest version up to it, or any later one. */
const lagging = fc.record({
  log: fc.array(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 3 }), { minLength: 1, maxLength: 25 }),
  applied: fc.nat(25),
  readAt: fc.nat(25),
  ahead: fc.array(fc.nat(3), { minLength: 4, maxLength: 4 }),
  expiredTo: fc.option(fc.nat(25)),
  purged: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
  limit: fc.integer({ min: 1, max: 5 }),
});

interface World {
  readonly versions: ReadonlyMap<string, readonly StoredResult[]>;
  readonly compared: ComparedAt;
  readonly documents: StoredResult[];
  readonly rows: StoredResult[];
}

function worldOf(made: typeof lagging extends fc.Arbitrary<infer T> ? T : never): World {
  const history = new History();
  const versions = new Map<string, StoredResult[]>();
  for (const [n, names] of made.log.entries()) {
    const written = [...new Set<string>(names)].map((businessKey) => ({ businessKey, deleted: n % 5 === 4 }));
    for (const document of history.commit(...written).documents)
      versions.set(document.businessKey, [...(versions.get(document.businessKey) ?? []), document]);
  }
  const clock = made.log.length;
  const applied = Math.min(made.applied, clock);
  // The documents are read at some time between the applied position and Postgres' rows, and hold what was written by then.
  const readAt = Math.max(applied, Math.min(made.readAt, clock));
  const expiredTo = made.expiredTo === null ? null : Math.min(made.expiredTo, clock);
  const isGone = (document: StoredResult | undefined, purged: boolean | undefined): boolean =>
    document === undefined || (purged === true && expiredTo !== null && document.position <= expiredTo);
  const documents: StoredResult[] = [];
  const rows: StoredResult[] = [];
  for (const [n, [, all]] of [...versions].entries()) {
    const upTo = (p: number): StoredResult[] => all.filter((version) => version.position <= BigInt(p));
    const possible = [upTo(applied).at(-1), ...upTo(readAt).slice(upTo(applied).length)];
    const document = possible[(made.ahead[n % 4] ?? 0) % possible.length];
    if (!isGone(document, made.purged[n])) documents.push(document as StoredResult);
    if (!isGone(all.at(-1), made.purged[7 - n])) rows.push(all.at(-1) as StoredResult);
  }
  const byKey = (a: StoredResult, b: StoredResult): number => compareText(a.businessKey, b.businessKey);
  return { versions, compared: at(applied, expiredTo), documents: documents.sort(byKey), rows: rows.sort(byKey) };
}

/** All ranges, as the auditor walks them. */
function walk(
  { documents, rows, compared }: Omit<World, 'versions'>,
  limit: number,
): ReturnType<typeof compare>['divergences'] {
  let after = '';
  const found = [];
  for (;;) {
    const page = <T extends { businessKey: string }>(all: readonly T[]): T[] =>
      all.filter(({ businessKey }) => compareText(businessKey, after) > 0).slice(0, limit);
    const scanned = page(documents).map((document) => ({ businessKey: document.businessKey, result: document }));
    const { divergences, upTo } = compare(range(limit, after), scanned, page(rows), compared);
    found.push(...divergences);
    if (upTo === null) return found;
    after = upTo;
  }
}

test('a store that merely lags, is written to, or has removed what expired, is never called divergent', () => {
  fc.assert(
    fc.property(lagging, (made) => expect(walk(worldOf(made), made.limit)).toEqual([])),
    { numRuns: 1_000 },
  );
});

test('one falsified document is found, if its row is applied and shown, and nothing else is', () => {
  const falsify: readonly ((documents: StoredResult[], n: number) => void)[] = [
    (documents, n) => void documents.splice(n, 1),
    (documents, n) => void documents.splice(n, 1, { ...documents[n]!, calculatedValue: { forged: true } }),
    (documents, n) => void documents.splice(n, 1, { ...documents[n]!, position: position(999) }),
    (documents, n) => void documents.splice(n, 1, { ...documents[n]!, position: position(0) }),
  ];
  let judged = 0;
  fc.assert(
    fc.property(lagging, fc.nat(), fc.constantFrom(...falsify), (made, pick, forge) => {
      const world = worldOf(made);
      if (world.documents.length === 0) return;
      const n = pick % world.documents.length;
      const victim = world.documents[n] as StoredResult;
      const row = world.rows.find(({ businessKey }) => businessKey === victim.businessKey);
      const { applied, expiredTo } = world.compared;
      const floor = expiredTo ?? (-1n as Position);
      if (row === undefined || row.position > applied || row.position <= floor) return;
      judged += 1;
      forge(world.documents, n);
      expect(walk(world, made.limit).map(({ businessKey }) => businessKey)).toEqual([victim.businessKey]);
    }),
    { numRuns: 1_000 },
  );
  expect(judged).toBeGreaterThan(50);
});

test('looked at again, what is equal is repaired, what is in flight stays open and unsaid, and the rest is told anew', () => {
  const divergence = (name: string) => ({ ...key(name), type: 'VALUE' as const, documentPosition: null });
  const names = ['equal', 'flight', 'wrong', 'gone', 'extra'];
  const document = (name: string, p: number): StoredResult => of(p, { businessKey: name });
  const rows = [document('equal', 5), document('flight', 12), document('wrong', 6), document('gone', 5)];
  const documents = [document('equal', 5), document('flight', 5), document('wrong', 7), null, document('extra', 3)];
  const { repaired, open } = judgeAgain(
    names.map(divergence),
    documents,
    new Map(rows.map((row) => [keyOf(row), row])),
    at(9),
  );
  expect(repaired.map(({ businessKey }) => businessKey)).toEqual(['equal']);
  expect(open.map(({ businessKey, type, documentPosition }) => [businessKey, type, documentPosition])).toEqual([
    ['wrong', 'VALUE', 7n],
    ['gone', 'MISSING', null],
    ['extra', 'EXTRA', 3n],
  ]);
});
