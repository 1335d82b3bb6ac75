import fc from 'fast-check';
import { code } from '../../conformance.js';
import { copyOf, History, type Written } from '../../conformance.data.js';
import type { SearchHit, SearchQuery } from '../../port.js';
import type { ElasticModel } from '../model.js';
import { connectElastic, type TestModels } from './models.js';

const order = (businessKey: string, value: Record<string, unknown>, more: Partial<Written> = {}): Written => ({
  businessKey,
  kind: 'order',
  calculatedValue: { order_id: businessKey, ...value },
  ...more,
});
const asked = (text: string, more: Partial<SearchQuery> = {}): SearchQuery => ({
  text,
  kinds: ['order', 'anomaly'],
  engine: 'KAFKA_ONLY',
  limit: 50,
  ...more,
});
const keysOf = (hits: readonly SearchHit[]): string[] => hits.map(({ result }) => result.businessKey);

export function describeSearching(url: () => string): void {
  let models: TestModels;
  let model: ElasticModel;
  let history: History;
  beforeAll(async () => {
    models = connectElastic(url());
    model = models.searchableAtOnce();
    history = new History();
    await model.rebuild(copyOf(), history.now(), () => undefined);
  });
  afterAll(() => models?.close());

  const write = (...documents: Written[]): Promise<void> => model.apply([history.commit(...documents)], history.now());
  const found = async (text: string, more: Partial<SearchQuery> = {}): Promise<string[]> =>
    keysOf((await model.search(asked(text, more))).data);

  test('finds orders and anomalies by every word, in any order and case, the last one as a beginning', async () => {
    await write(
      order('o-1', { symbol: '005930', side: 'BUY', status: 'FILLED' }),
      order('o-2', { symbol: '005930', side: 'SELL', status: 'PENDING', note: '삼성 전자' }),
      order('o-3', { symbol: '000660', side: 'BUY' }, { deleted: true }),
      order('o-4', { symbol: '005930', side: 'BUY' }, { engine: 'FLINK' }),
      order('w-1', { symbol: '005930', side: 'BUY' }, { kind: 'order_window' }),
      order('a-1', { symbol: '005930', rules: ['LARGE_ORDER', 'HIGH_AMOUNT'] }, { kind: 'anomaly' }),
    );
    expect(await found('005930')).toEqual(['a-1', 'o-1', 'o-2']);
    expect(await found('buy 005930')).toEqual(['o-1']);
    expect(await found('005930 large')).toEqual(['a-1']);
    expect(await found('Large_Order')).toEqual(['a-1']);
    expect(await found('0059')).toEqual(['a-1', 'o-1', 'o-2']);
    expect(await found('전자')).toEqual(['o-2']);
    expect(await found('o-1')).toEqual(['o-1']);
    expect(await found('005930', { kinds: ['anomaly'] })).toEqual(['a-1']);
    expect(await found('005930', { engine: 'FLINK' })).toEqual(['o-4']);
    expect(await found('000660')).toEqual([]);
    expect(await found('!!!')).toEqual([]);
    expect((await model.search(asked('005930'))).applied).toEqual(history.now());
  });

  test('highlights the words as HTML in which what was found is escaped', async () => {
    await write(order('h-1', { note: '<img src=x> Tidemark & co' }));
    const { data } = await model.search(asked('tidemark'));
    expect(data.map(({ highlights }) => highlights)).toEqual([['&lt;img src=x&gt; <em>Tidemark</em> &amp; co']]);
  });

  test('a text without words, or too long, is refused', async () => {
    for (const text of ['', '   ', 'x'.repeat(257)]) {
      await expect(model.search(asked(text))).rejects.toEqual(code('SEARCH_QUERY_INVALID', false));
    }
  });

  test('a change between pages neither repeats nor skips a result that did not move', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.nat(11), { maxLength: 6 }),
        async (count, limit, touched) => {
          const word = `page${history.now().position}`;
          const name = (n: number): string => `${word}-${n}`;
          for (let n = 0; n < count; n += 1) await write(order(name(n), { word }));
          const seen: string[] = [];
          const moves = touched.map((n) => n % count);
          const moved = new Set<string>();
          let page = (await model.search(asked(word, { limit }))).data;
          while (page.length > 0) {
            seen.push(...keysOf(page));
            const move = moves.shift();
            if (move !== undefined) {
              moved.add(name(move));
              await write(order(name(move), { word, again: true }));
            }
            page = (await model.search(asked(word, { limit, after: (page.at(-1) as SearchHit).cursor }))).data;
          }
          const still = Array.from({ length: count }, (_, n) => name(n)).filter((each) => !moved.has(each));
          expect(seen.filter((each) => !moved.has(each)).sort()).toEqual([...still].sort());
          expect(new Set(seen).size).toBe(seen.length);
        },
      ),
      { numRuns: 8 },
    );
  }, 60_000);
}
