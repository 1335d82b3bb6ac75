/** What the console asks is what the server knows. */
import { readFileSync } from 'node:fs';
import { buildSchema, validate } from 'graphql';
import { EVENTS, KEY, KEYS, PIPELINES, STORES } from './queries.js';

const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'));
const DOCUMENTS = { STORES, PIPELINES, ...KEYS, KEY, EVENTS };

test('every question fits the schema', () => {
  const errors = Object.entries(DOCUMENTS).map(([name, document]) => [
    name,
    validate(schema, document).map(({ message }) => message),
  ]);
  expect(errors).toEqual(Object.keys(DOCUMENTS).map((name) => [name, []]));
});
