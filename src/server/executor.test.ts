import { parse } from 'graphql';
import { fieldsOf } from './executor.js';
import { LruMap } from './lru-map.js';

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
