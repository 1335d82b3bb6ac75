import fc from 'fast-check';
import type { Claim } from './conformance.js';
import { History, type Written } from './conformance.data.js';
import { bindEmpty } from './conformance.writes.js';
import { listResults } from './listing.js';
import type { ListQuery, ResultReader, StoredResult } from './port.js';

/** Few, close together and awkward, so that ties, bounds and byte order are all met. */
const text = fc.constantFrom(
  '2026-01-05T09:00:00.000Z',
  '2026-01-05T09:05:00.000Z',
  '',
  'a',
  'B',
  'ab',
  'é',
  '삼',
  '\uffee',
  '🌊',
);
const symbol = fc.constantFrom('G000', 'G001', '005930');

export const listed: fc.Arbitrary<Written> = fc.record({
  businessKey: fc.tuple(fc.nat(40), text).map(([number, suffix]) => `${number}@${suffix}`),
  engine: fc.constantFrom('KAFKA_ONLY' as const, 'FLINK' as const),
  deleted: fc.constantFrom(false, false, false, true),
  calculatedValue: fc.record(
    { symbol, window_start: text, event_time: text, side: fc.constantFrom('BUY', 'SELL') },
    { requiredKeys: ['symbol'] },
  ),
});

/** Queries of one kind. */
export const queryOf = (kind: string): fc.Arbitrary<ListQuery> =>
  fc
    .record({
      engine: fc.constantFrom('KAFKA_ONLY' as const, 'FLINK' as const),
      equals: fc.oneof(fc.constant({}), fc.record({ symbol }), fc.record({ symbol, side: fc.constant('BUY') })),
      from: fc.option(text, { nil: undefined }),
      to: fc.option(text, { nil: undefined }),
      after: fc.option(
        fc.record({ order: text, businessKey: fc.tuple(fc.nat(40), text).map(([n, s]) => `${n}@${s}`) }),
        { nil: undefined },
      ),
      orderBy: fc.constantFrom('window_start', 'event_time'),
      descending: fc.boolean(),
      limit: fc.constantFrom(1, 2, 5, 501),
    })
    .map(({ from, to, after, ...query }) => ({
      kind,
      ...query,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(after === undefined ? {} : { after }),
    }));

/** Page by page, as a client walks: the place of the last row is where the next page begins. */
export async function walk(reader: ResultReader, query: ListQuery): Promise<StoredResult[]> {
  const rows: StoredResult[] = [];
  let page = (await reader.list(query)).data;
  while (page.length > 0) {
    rows.push(...page);
    const last = page.at(-1) as StoredResult;
    const after = { order: String(last.calculatedValue[query.orderBy]), businessKey: last.businessKey };
    page = (await reader.list({ ...query, after })).data;
  }
  return rows;
}

/** Unique by (engine, business key), as one transaction writes each result once. */
const unique = (written: readonly Written[]): Written[] => [
  ...new Map(written.map((document) => [`${document.engine}|${document.businessKey}`, document])).values(),
];

export function describeListing(claim: Claim): void {
  claim('lists', 'a listing equals the reference', async ({ model }) => {
    const history = new History();
    await bindEmpty(model, history);
    await fc.assert(
      fc.asyncProperty(
        fc.array(listed, { maxLength: 40 }),
        fc.array(queryOf(''), { minLength: 12, maxLength: 12 }),
        async (documents, queries) => {
          const kind = `listed_${history.now().position}`;
          const change = history.commit(...unique(documents).map((document) => ({ ...document, kind })));
          await model.apply([change], history.now());
          for (const query of queries) {
            const asked = { ...query, kind };
            expect(await model.list(asked)).toEqual({
              applied: history.now(),
              data: listResults(change.documents, asked),
            });
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  claim('pages', 'walking page by page meets each result once, in order', async ({ model }) => {
    const history = new History();
    await bindEmpty(model, history);
    await fc.assert(
      fc.asyncProperty(
        fc.array(listed, { maxLength: 40 }),
        queryOf(''),
        fc.integer({ min: 1, max: 7 }),
        async (documents, any, limit) => {
          const kind = `paged_${history.now().position}`;
          const change = history.commit(...unique(documents).map((document) => ({ ...document, kind })));
          await model.apply([change], history.now());
          const { after: _, ...query } = { ...any, kind };
          expect(await walk(model, { ...query, limit })).toEqual(
            listResults(change.documents, { ...query, limit: 501 }),
          );
        },
      ),
      { numRuns: 15 },
    );
  });
}
