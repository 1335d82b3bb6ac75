/** docs/ADD_A_RESULT.md, done: a fifth kind is one class. Ingest, CDC, stores and contract have never heard of it. */
import { readFileSync } from 'node:fs';
import { plan } from '../src/decision/plan.js';
import { decode } from '../src/ingest/decode.js';
import { keyOf } from '../src/position/commit-log.js';
import { micros, position } from '../src/position/position.js';
import { KINDS } from '../src/schema/kinds/index.js';
import {
  ContractDateTime,
  ContractDecimal,
  ContractInt,
  ContractString,
  ResultKind,
} from '../src/schema/result-kind.js';
import { DateTime } from '../src/schema/scalars.js';
import type { ContractLeaf } from '../src/contract/field.js';
import { STORES } from '../src/words.js';
import { decodeDocument, encodeDocument } from '../src/stores/document.js';
import { startServer, type Harness } from '../src/server/testing/harness.js';

// The class of the page begins here.
@ResultKind({
  kind: 'daily_volume',
  description: 'What was traded of one symbol in a day.',
  searchable: true,
  one: {
    description: 'The day of a symbol that a moment lies in.',
    arguments: {
      symbol: { type: String, description: 'For example 005930.' },
      at: { type: DateTime, description: 'Any moment of the day, UTC.' },
    },
    businessKey: ({ symbol = '', at = '' }) => `${symbol}@${at.slice(0, 10)}`,
  },
  many: {
    name: 'dailyVolumes',
    description: 'Days, oldest first; `last` gives the newest.',
    orderBy: 'day',
    filters: { symbol: { type: String, column: 'symbol', description: 'Only of this symbol.' } },
  },
})
class DailyVolume {
  @ContractString()
  symbol!: ContractLeaf;
  @ContractDateTime('Its beginning.')
  day!: ContractLeaf;
  @ContractDecimal('Sum of quantity × price.')
  totalVolume!: ContractLeaf;
  @ContractInt()
  orders!: ContractLeaf;
}
// It ends here.

const golden = JSON.parse(
  readFileSync(new URL('../wire/golden/result.kafka-only.json', import.meta.url), 'utf8'),
) as Record<string, unknown>;
const message = {
  ...golden,
  kind: 'daily_volume',
  business_key: '005930@2026-01-05',
  calculated_value: {
    symbol: '005930',
    day: '2026-01-05T00:00:00.000Z',
    total_volume: '84850000.5',
    orders: 3,
  },
};

let server: Harness;
beforeAll(async () => {
  server = await startServer({ kinds: [...KINDS, DailyVolume], stores: STORES });
});
afterAll(() => server.close());

test('a message of a kind that nobody knows goes from the topic to a typed answer', async () => {
  const record = { offset: 7n, key: 'k', value: Buffer.from(JSON.stringify(message)), timestampMs: 0 };
  const decoded = decode(record, { topic: 'results.kafka-only', partition: 0, engine: 'KAFKA_ONLY' }, 0);
  if (decoded.type !== 'accepted') throw new Error(decoded.letter.message);
  const planned = plan([decoded.record], { rows: new Map(), facts: new Map() }, micros(0));
  const key = { kind: 'daily_volume', businessKey: '005930@2026-01-05', engine: 'KAFKA_ONLY' } as const;
  const row = planned.rows.get(keyOf(key))?.row;
  if (row === undefined) throw new Error('nothing was planned');
  // As it travels through the commit log, and as every store gets it.
  const document: unknown = JSON.parse(JSON.stringify(encodeDocument(row)));
  const stored = decodeDocument(document, position(90), micros(Date.parse('2026-01-01T00:01:30.000Z') * 1_000));
  for (const store of [server.postgres, server.mongodb, server.elasticsearch, server.clickhouse]) store.hold(stored);

  const { body } = await server.query(`{
    dailyVolume(symbol: "005930", at: "2026-01-05T15:30:00+09:00") { businessKey totalVolume { value servedBy reasons { code } } }
    dailyVolumes(symbol: "005930", from: "2026-01-01T00:00:00Z") { edges { node { day { value } orders { value } } } contract { servedBy } }
    search(text: "005930", kind: "daily_volume") { edges { node { __typename businessKey } } }
    result(kind: "daily_volume", businessKey: "005930@2026-01-05") { value { value } }
    compareStores(kind: "daily_volume", businessKey: "005930@2026-01-05") { store present }
  }`);
  expect(body.errors).toBeUndefined();
  expect(body.data).toEqual({
    dailyVolume: {
      businessKey: '005930@2026-01-05',
      totalVolume: {
        value: '84850000.5',
        servedBy: 'MONGODB',
        reasons: row.reasons.map((code) => ({ code })),
      },
    },
    dailyVolumes: {
      edges: [{ node: { day: { value: '2026-01-05T00:00:00.000Z' }, orders: { value: 3 } } }],
      contract: { servedBy: 'MONGODB' },
    },
    search: { edges: [{ node: { __typename: 'DailyVolume', businessKey: '005930@2026-01-05' } }] },
    result: { value: { value: message.calculated_value } },
    compareStores: STORES.map((store) => ({ store, present: true })),
  });
});

test('the page shows the class of this test', () => {
  const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
  const [, shown] =
    /\/\/ The class of the page begins here\.\n([\s\S]*?)\n\/\/ It ends here\./.exec(
      read('test/add-a-result.test.ts'),
    ) ?? [];
  expect(shown).toBeDefined();
  expect(read('docs/ADD_A_RESULT.md')).toContain(shown);
});
