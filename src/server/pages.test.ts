/** Pages while the rows change: whoever didn't move is met once, whatever the kind, the store and the direction. */
import fc from 'fast-check';
import { position } from '../position/position.js';
import type { StoredResult } from '../stores/port.js';
import { STORES } from '../words.js';
import { anomalyRow, orderRow, windowRow, type FakeStore } from './testing/fake-store.js';
import { startServer, type Harness } from './testing/harness.js';

let server: Harness;
beforeAll(async () => {
  server = await startServer({ stores: STORES });
});
afterAll(() => server.close());

/** Close together and awkward: ties, and characters that UTF-16 orders otherwise than UTF-8. */
const time = fc.constantFrom('2026-01-05T09:00:00.000Z', '2026-01-05T09:00:00.001Z', '2026-01-05T09:05:00.000Z');
const id = fc.tuple(fc.constantFrom('a', 'b', 'é', '\uffee', '🌊'), fc.nat(12)).map(([text, n]) => `${text}${n}`);

type Row = (key: string, at: string, version: number) => StoredResult;
const KINDS: Readonly<Record<string, { readonly list: string; readonly row: Row }>> = {
  order_window: {
    list: 'orderWindows',
    row: (key, at, version) => windowRow({ businessKey: key, position: position(version) }, { window_start: at }),
  },
  order: {
    list: 'orders',
    row: (key, at, version) => orderRow({ position: position(version) }, { order_id: key, event_time: at }),
  },
  anomaly: {
    list: 'anomalies',
    row: (key, at, version) => anomalyRow({ position: position(version) }, { order_id: key, detected_at: at }),
  },
};

const SERVED: Readonly<
  Record<string, { readonly store: () => FakeStore; readonly scope: string; readonly down: () => FakeStore[] }>
> = {
  POSTGRES: { store: () => server.postgres, scope: '@consistency(scope: STRONG)', down: () => [] },
  MONGODB: { store: () => server.mongodb, scope: '', down: () => [] },
  ELASTICSEARCH: { store: () => server.elasticsearch, scope: '@consistency(scope: SEARCH)', down: () => [] },
  CLICKHOUSE: { store: () => server.clickhouse, scope: '', down: () => [server.mongodb] },
};

interface Change {
  readonly id: string;
  /** null: deleted. */
  readonly at: string | null;
}
const change: fc.Arbitrary<Change> = fc.record({ id, at: fc.option(time, { nil: null }) });
/** What happens before each further page. */
const changes = fc.array(fc.array(change, { maxLength: 3 }), { minLength: 1, maxLength: 12 });
const initial = fc.uniqueArray(fc.record({ id, at: time }), { selector: (row) => row.id, maxLength: 14 });

interface PageOf {
  readonly edges: readonly { readonly node: { readonly businessKey: string }; readonly cursor: string }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string;
    readonly endCursor: string;
  };
}

const FIELDS =
  '{ edges { node { businessKey } cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }';

const WITH_STORE = FIELDS.replace('{ edges', '{ contract { servedBy } edges');

/** Walks all pages, letting things happen in between; the keys that were met, in order. */
async function walk(
  ask: (args: string) => Promise<PageOf>,
  size: number,
  backward: boolean,
  happen: (turn: number) => void,
): Promise<string[]> {
  const met: string[] = [];
  let place = '';
  for (let turn = 0; turn < 60; turn++) {
    const { edges, pageInfo } = await ask(`${backward ? 'last' : 'first'}: ${size} ${place}`);
    const keys = edges.map(({ node }) => node.businessKey);
    met.push(...(backward ? keys.reverse() : keys));
    if (!(backward ? pageInfo.hasPreviousPage : pageInfo.hasNextPage)) return met;
    place = backward ? `before: "${pageInfo.startCursor}"` : `after: "${pageInfo.endCursor}"`;
    happen(turn);
  }
  throw new Error('the pages never ended');
}

const cases = Object.keys(KINDS).flatMap((kind) => Object.keys(SERVED).map((store) => [kind, store] as const));

test.each(cases)(
  '%s from %s: a change between pages neither repeats nor skips a row that did not move',
  async (kind, name) => {
    const { list, row } = KINDS[kind] as (typeof KINDS)[string];
    const { store, scope, down } = SERVED[name] as (typeof SERVED)[string];
    for (const broken of down()) broken.failure = new Error('down');
    try {
      await fc.assert(
        fc.asyncProperty(
          initial,
          changes,
          fc.integer({ min: 1, max: 4 }),
          fc.boolean(),
          async (rows, turns, size, backward) => {
            store().rows = new Map();
            store().hold(...rows.map(({ id: key, at }) => row(key, at, 1)));
            const touched = new Set<string>();
            const happen = (turn: number): void => {
              for (const { id: key, at } of turns[turn] ?? []) {
                const now = row(key, at ?? '2026-01-05T09:00:00.000Z', turn + 2);
                touched.add(now.businessKey);
                store().hold({ ...now, deleted: at === null });
              }
            };
            const met = await walk(
              async (args) => {
                const { body } = await server.query(`{ page: ${list}(${args}) ${scope} ${WITH_STORE} }`);
                expect(body.data.page.contract.servedBy).toBe(name);
                return body.data.page as PageOf;
              },
              size,
              backward,
              happen,
            );
            for (const { id: key, at } of rows) {
              const { businessKey } = row(key, at, 1);
              if (!touched.has(businessKey))
                expect([businessKey, met.filter((k) => k === businessKey).length]).toEqual([businessKey, 1]);
            }
          },
        ),
        { numRuns: 25 },
      );
    } finally {
      for (const broken of down()) broken.failure = null;
      // What failed is trusted again.
      server.monotonic += 10_000;
    }
  },
  60_000,
);

test('a search: a change between pages neither repeats nor skips a hit that did not change', async () => {
  await fc.assert(
    fc.asyncProperty(initial, changes, fc.integer({ min: 1, max: 4 }), async (rows, turns, size) => {
      const all = rows.map(({ id: key }, i) =>
        i % 2 === 0
          ? orderRow({ position: position(i + 1) }, { order_id: key })
          : anomalyRow({ position: position(i + 1) }, { order_id: key }),
      );
      server.elasticsearch.rows = new Map();
      server.elasticsearch.hold(...all);
      const touched = new Set<string>();
      const met = await walk(
        async (args) =>
          (await server.query(`{ page: search(text: "005930", ${args}) ${FIELDS} }`)).body.data.page as PageOf,
        size,
        false,
        (turn) => {
          for (const { id: key, at } of turns[turn] ?? []) {
            // A change takes a position beyond all before it: the hit moves to the front.
            const now = orderRow({ position: position(100 + turn), deleted: at === null }, { order_id: key });
            touched.add(now.businessKey);
            server.elasticsearch.hold(now);
          }
        },
      );
      for (const { businessKey } of all) {
        if (!touched.has(businessKey))
          expect([businessKey, met.filter((k) => k === businessKey).length]).toEqual([businessKey, 1]);
      }
    }),
    { numRuns: 25 },
  );
}, 60_000);
