import { parse, type OperationDefinitionNode } from 'graphql';
import { costOf } from './cost.js';
import { LruMap } from './lru-map.js';

const cost = (text: string, variables: Record<string, unknown> = {}): number => {
  const document = parse(text);
  return costOf(document, document.definitions[0] as OperationDefinitionNode, variables, new Map([['list', 50]]));
};

test('a page costs its size times what it selects, whether the size is written, a variable, its default or left out', () => {
  expect(cost('{ list(first: 10) { a b } }')).toBe(21);
  expect(cost('query Q($n: Int) { list(last: $n) { a b } }', { n: 10 })).toBe(21);
  expect(cost('query Q($n: Int = 10) { list(first: $n) { a b } }')).toBe(21);
  expect(cost('{ list { a b } }')).toBe(101);
  expect(cost('{ list(first: -5) { a b } }')).toBe(101);
  expect(cost('{ one { a b } x: one { a } }')).toBe(5);
});

test('fragments cost what they select wherever they are spread, and nesting them does not make counting slow', () => {
  expect(cost('{ one { ...F ... on T { c } } two { ...F } } fragment F on T { a b }')).toBe(7);
  const bomb = Array.from({ length: 60 }, (_, i) => `fragment F${i} on T { ...F${i + 1} ...F${i + 1} }`).join(' ');
  expect(cost(`{ ...F0 } ${bomb} fragment F60 on T { a }`)).toBe(2 ** 60);
});

test('the map keeps what was used last', () => {
  const map = new LruMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.get('a');
  map.set('c', 3);
  expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([1, undefined, 3, 2]);
});
