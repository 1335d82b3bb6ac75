/** Which results a dead letter is held against when they are read. */
import { MOST_MARKS, OpenLetters, type HeldRow, type LetterMark } from './dead-letters.js';

const TOPIC = 'results.kafka-only';
const row = (over: Partial<HeldRow> = {}): HeldRow => ({
  kind: 'order',
  businessKey: 'o-1',
  engine: 'KAFKA_ONLY',
  final: false,
  pipeline: 'p',
  resultPartition: 0,
  coverage: { '3': [10, 12] },
  calculatedValue: { symbol: 'A' },
  ...over,
});
const inSource = (over: Partial<LetterMark> = {}): LetterMark => ({
  reportedBy: 'p',
  topic: 'orders.events',
  partition: 3,
  kafkaKey: 'A',
  offset: 11,
  ...over,
});
const inResults = (over: Partial<LetterMark> = {}): LetterMark => ({
  reportedBy: 'ingest',
  topic: TOPIC,
  partition: 0,
  kafkaKey: 'o-1',
  offset: 11,
  ...over,
});

test.each<[string, LetterMark, Partial<HeldRow>, boolean]>([
  ['a source record of its symbol, behind the first that it covers', inSource(), {}, true],
  ['the same, and the result is final: what was open then names it itself', inSource(), { final: true }, false],
  ['a source record of another symbol', inSource({ kafkaKey: 'B' }), {}, false],
  ['a source record without a key', inSource({ kafkaKey: null }), {}, true],
  ['a source record of a symbol, and the kind has none', inSource({ kafkaKey: 'B' }), { calculatedValue: {} }, true],
  ['a source record before all that it covers: its engine says itself', inSource({ offset: 9 }), {}, false],
  ['the first one that it covers', inSource({ offset: 10 }), {}, false],
  ['a source record of another partition', inSource({ partition: 4 }), {}, false],
  ['a source record, and nobody says what is covered', inSource({ offset: 0 }), { coverage: null }, true],
  ['what another pipeline could not decode', inSource({ reportedBy: 'q' }), {}, false],
  ['a result under its own key', inResults(), {}, true],
  ['a result under its own key, though it is final', inResults(), { final: true }, true],
  ['a result under another key', inResults({ kafkaKey: 'o-2' }), {}, false],
  ['a result without a key', inResults({ kafkaKey: null }), {}, true],
  ['a result without a key, and it is final', inResults({ kafkaKey: null }), { final: true }, false],
  ['a result of another partition', inResults({ partition: 1 }), {}, false],
  ['a result of another topic', inResults({ topic: 'results.flink' }), {}, false],
])('%s', (_, letter, over, held) => {
  expect(new OpenLetters([letter]).holdsRow(row(over), TOPIC)).toBe(held);
  // Others beside it change nothing.
  const others = [inSource({ kafkaKey: 'Z', partition: 9 }), inResults({ kafkaKey: 'zz', partition: 9 })];
  expect(new OpenLetters([...others, letter]).holdsRow(row(over), TOPIC)).toBe(held);
});

test('the topic of its pipeline unknown, a letter of any result topic could concern it', () => {
  expect(new OpenLetters([inResults({ partition: 7 })]).holdsRow(row(), null)).toBe(true);
});

test('of several letters of a key the last one counts', () => {
  const letters = new OpenLetters([inSource({ offset: 3 }), inSource({ offset: 11 }), inSource({ offset: 4 })]);
  expect(letters.holdsRow(row(), TOPIC)).toBe(true);
});

test('a null is held by a broken record under its key, by nothing else', () => {
  const letters = new OpenLetters([inResults({ partition: 5 }), inSource()]);
  const key = { kind: 'order', businessKey: 'o-1', engine: 'KAFKA_ONLY' } as const;
  expect(letters.holdsNull(key, [TOPIC])).toBe(true);
  expect(letters.holdsNull({ ...key, businessKey: 'o-2' }, [TOPIC])).toBe(false);
  expect(letters.holdsNull(key, ['results.flink'])).toBe(false);
});

test('members of a statistic are held by what could belong to any of them', () => {
  const group = { final: false, pipeline: 'p', resultPartition: 0 };
  const held = (mark: LetterMark, over: Partial<typeof group> = {}, symbol = 'A'): boolean =>
    new OpenLetters([mark]).holdsMembers({ ...group, ...over }, TOPIC, symbol);
  expect([held(inSource()), held(inSource(), { final: true }), held(inSource(), {}, 'B')]).toEqual([
    true,
    false,
    false,
  ]);
  expect([held(inResults()), held(inResults(), { final: true }), held(inResults({ partition: 1 }))]).toEqual([
    true,
    true,
    false,
  ]);
});

test('beyond the bound nothing is told apart: everything is held', () => {
  const marks = Array.from({ length: MOST_MARKS + 1 }, (_, n) => inSource({ kafkaKey: `k${n}`, partition: 99 }));
  expect(new OpenLetters(marks.slice(1)).holdsRow(row(), TOPIC)).toBe(false);
  expect(new OpenLetters(marks).holdsRow(row({ final: true }), TOPIC)).toBe(true);
});
