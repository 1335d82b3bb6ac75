import { readFileSync } from 'node:fs';
import { Field, Int } from 'type-graphql';
import { buildApi } from '../resolvers/index.js';
import { AppError } from '../errors.js';
import { KINDS } from './kinds/index.js';
import { ContractDecimal, ContractString, ResultKind, type KindOptions } from './result-kind.js';
import { BigIntText, DateTime, Decimal } from './scalars.js';
import { SCHEMA_FILE, schemaText } from '../resolvers/print.js';

const options = (kind: string, name: string): KindOptions => ({
  kind,
  description: 'For this test.',
  one: {
    description: 'One.',
    arguments: { id: { type: String, description: 'Its id.' } },
    businessKey: ({ id = '' }) => id,
  },
  many: { name, description: 'Many.', orderBy: 'at', filters: {} },
});

@ResultKind(options('bare', 'bareKinds'))
class BareKind {
  @ContractString()
  fine!: unknown;
  @Field(() => Int)
  totalAmount!: number;
}

@ResultKind(options('bare_list', 'listKinds'))
class ListKind {
  @Field(() => [String])
  names!: string[];
}

@ResultKind(options('fifth', 'fifthKinds'))
class FifthKind {
  @ContractDecimal()
  someAmount!: unknown;
}

test('schema.graphql is what the code says: npx tsx src/resolvers/print.ts', () => {
  expect(readFileSync(SCHEMA_FILE, 'utf8')).toBe(schemaText());
});

test('a result field without a contract stops the build and is named', () => {
  const message = (kind: typeof BareKind | typeof ListKind): string => {
    try {
      buildApi([...KINDS, kind]);
    } catch (error) {
      return error instanceof AppError ? `${error.code}: ${error.message}` : String(error);
    }
    return 'built';
  };
  expect(message(BareKind)).toMatch(/^CONTRACT_MISSING: CONTRACT_MISSING BareKind\.totalAmount:/);
  expect(message(ListKind)).toMatch(/^CONTRACT_MISSING: CONTRACT_MISSING ListKind\.names:/);
});

test('a further kind is one class: both queries, the connection and the types follow from it', () => {
  const { schema, readable } = buildApi([...KINDS, FifthKind]);
  expect(Object.keys(schema.getQueryType()?.getFields() ?? {})).toEqual(
    expect.arrayContaining(['fifthKind', 'fifthKinds', 'orderWindow', 'orderWindows']),
  );
  expect([readable.get('fifthKind'), readable.get('fifthKinds')]).toEqual([
    ['EVENTUAL', 'STRONG'],
    ['EVENTUAL', 'STRONG', 'SEARCH'],
  ]);
  expect(schema.getType('FifthKindConnection')).toBeDefined();
});

test('numbers that JSON would round travel as strings, and a float is refused', () => {
  expect([Decimal.serialize('84850000'), Decimal.serialize('-0.05'), BigIntText.serialize(2n ** 63n)]).toEqual([
    '84850000',
    '-0.05',
    '9223372036854775808',
  ]);
  for (const bad of [0.1, '1e3', '01', '', null])
    expect(() => Decimal.serialize(bad)).toThrow('Decimal cannot represent');
  expect(() => BigIntText.parseValue('1.5')).toThrow('BigInt cannot represent');
});

test('a time argument may carry any offset and becomes UTC with milliseconds', () => {
  expect(DateTime.parseValue('2026-01-05T18:03:00+09:00')).toBe('2026-01-05T09:03:00.000Z');
  expect(() => DateTime.parseValue('yesterday')).toThrow();
});
