import { buildSchema, parse } from 'graphql';
import { createExecutor, fieldsOf, type GatewayExecutor } from './executor.js';
import { LruMap } from './lru-map.js';

test('a document is compiled when it comes again, or is large, once, and each of its operations by itself', async () => {
  let compiled = 0;
  const executor = createExecutor(buildSchema('type Query { a: Int }'), {
    capacity: 1_000,
    valuesOf: (document) => (document.definitions.length === 3 ? 1_001 : 1_000),
    onCompile: () => compiled++,
  });
  const ask = async (source: string, operationName: string | null = null): Promise<unknown> => {
    const request = { source, document: parse(source), queryHash: source, operationName, context: {}, request: {} };
    return (await executor(request as unknown as Parameters<GatewayExecutor>[0])).data;
  };
  const seen: number[] = [];
  for (const [source, name] of [
    ['{ a }', null],
    ['{ a }', null],
    ['{ a }', null],
    ['{ b: a }', null],
    ['query A { a } query B { b: a }', 'A'],
    ['query A { a } query B { b: a }', 'B'],
    ['query A { a } query B { b: a }', 'B'],
    // Large: at once.
    ['query A { a } query B { b: a } query C { a }', 'A'],
  ] as const) {
    expect(await ask(source, name)).toEqual({ [name === 'B' || source.startsWith('{ b') ? 'b' : 'a']: null });
    seen.push(compiled);
  }
  expect(seen).toEqual([0, 1, 1, 1, 1, 1, 2, 3]);
});

test('what a fragment selects counts wherever it is spread, and one that spreads itself ends', () => {
  const text = `query A { a { ...F } b { ...F c } ... on Query { d } } query B { e } fragment F on T { x y { ...G } } fragment G on T { z }`;
  // a, b and c, d, e; and twice x, y and z.
  expect(fieldsOf(parse(text))).toBe(11);
  expect(fieldsOf(parse('{ ...F } fragment F on T { a ...F }'))).toBe(1);
});

test('entries weigh at most the capacity together; the one used longest ago goes, the newest never', () => {
  const map = new LruMap<string, number>(10, (weight) => weight);
  map.set('a', 4);
  map.set('b', 4);
  map.get('a');
  map.set('c', 5);
  expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([4, undefined, 5]);
  map.set('c', 6);
  expect([map.get('a'), map.get('c'), map.size]).toEqual([4, 6, 2]);
  map.set('d', 100);
  expect([map.size, map.get('d')]).toEqual([1, 100]);
  map.set('e', 1);
  expect([map.size, map.get('e')]).toEqual([1, 1]);
});
