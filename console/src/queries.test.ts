/** What the console asks is what the server knows. */
import { readFileSync } from 'node:fs';
import { buildSchema, validate } from 'graphql';
import { buildApi } from '../../src/resolvers/index.js';
import { EVENTS, EXPLAIN, FAULTS, HEAL, INJECT, KEY, KEYS, LAB, PIPELINES, RUNS, STORES } from './queries.js';

const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'));
const DOCUMENTS = { STORES, PIPELINES, ...KEYS, KEY, EXPLAIN, EVENTS, LAB };

test('every question fits the schema', () => {
  const errors = Object.entries(DOCUMENTS).map(([name, document]) => [
    name,
    validate(schema, document).map(({ message }) => message),
  ]);
  expect(errors).toEqual(Object.keys(DOCUMENTS).map((name) => [name, []]));
});

test('what breaks and mends fits the schema of the lab mode, and no other', () => {
  const lab = buildApi(undefined, { lab: true }).schema;
  for (const document of [FAULTS, INJECT, HEAL, RUNS]) {
    expect(validate(lab, document)).toEqual([]);
    expect(validate(schema, document)).not.toEqual([]);
  }
});
