import { readFileSync } from 'node:fs';
import { prepareLines } from './prepare.js';
import type { OrderEvent } from '../../wire/event.js';

const worked = readFileSync(new URL('../../test/fixtures/worked-example.jsonl', import.meta.url), 'utf8');
const NOW = Date.parse('2026-11-21T10:00:00.000Z');
const first = JSON.parse(worked.split('\n')[0] ?? '') as OrderEvent;
const options = { nowMs: NOW, shiftToNow: false };

test('the worked example goes through unchanged, keyed by symbol', () => {
  const { messages, problems } = prepareLines(worked, options);
  expect(problems).toEqual([]);
  expect(messages.map((m) => m.key)).toEqual(['005930', '005930', '005930', '000660', '035420', '035720']);
  expect(messages.map((m) => m.value).join('\n')).toBe(worked.trim());
});

test('--shift-to-now moves all times by one distance, so that the first event happens now', () => {
  const { messages } = prepareLines(worked, { ...options, shiftToNow: true });
  const times = messages.map((m) => Date.parse((JSON.parse(m.value) as OrderEvent).event_time) - NOW);
  expect(times).toEqual([0, 1, 2, 3, 4, 5]);
});

test('a Debezium envelope is shifted inside and stays an envelope', () => {
  const { op, ...row } = first;
  const line = JSON.stringify({ before: null, after: row, op });
  const { messages } = prepareLines(line, { ...options, shiftToNow: true });
  const sent = JSON.parse(messages[0]?.value ?? '') as { after: OrderEvent };
  expect(sent.after.event_time).toBe('2026-11-21T10:00:00.000Z');
  expect(messages[0]?.key).toBe('005930');
});

test('a missing event_id and produce_time are filled, the id the same each time', () => {
  const { event_id: _e, produce_time: _p, ...bare } = first;
  const line = JSON.stringify(bare);
  const [a, b] = [prepareLines(line, options), prepareLines(line, { ...options, nowMs: NOW + 5 })].map(
    (p) => JSON.parse(p.messages[0]?.value ?? '') as OrderEvent,
  );
  expect(a?.produce_time).toBe('2026-11-21T10:00:00.000Z');
  expect(a?.event_id).toBe(b?.event_id);
});

test('wrong lines are named by number and stable code; blank ones do not count as wrong', () => {
  const lines = [
    '{"x":1}',
    '',
    'nope',
    '[]',
    JSON.stringify({ ...first, quantity: 0 }),
    JSON.stringify({ ...first, symbol: undefined }),
  ];
  const { messages, problems } = prepareLines(lines.join('\n'), options);
  expect(messages).toEqual([]);
  expect(problems.map((p) => [p.line, p.code])).toEqual([
    [1, 'OP_UNKNOWN'],
    [3, 'BAD_JSON'],
    [4, 'NOT_AN_OBJECT'],
    [5, 'FIELD_INVALID'],
    [6, 'FIELD_MISSING'],
  ]);
});
