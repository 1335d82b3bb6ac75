/** The scalars of the API. Numbers that JSON would round travel as strings. */
import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { GraphQLDateTime, GraphQLJSON } from 'graphql-scalars';

const DECIMAL = /^-?(0|[1-9]\d*)(\.\d+)?$/;
const INTEGER = /^-?\d+$/;

export const Decimal = textual(
  'Decimal',
  'An exact decimal number as a string without an exponent: never a float.',
  (value) => {
    if (typeof value === 'string' && DECIMAL.test(value)) return value;
    return typeof value === 'bigint' || Number.isSafeInteger(value) ? String(value) : null;
  },
);

export const BigIntText = textual(
  'BigInt',
  'A whole number of any size, as a string, so that no JSON parser rounds it.',
  (value) => {
    if (typeof value === 'bigint') return value.toString();
    return (typeof value === 'string' && INTEGER.test(value)) || Number.isSafeInteger(value) ? String(value) : null;
  },
);

/** Times are ISO-8601 texts inside too: what a store holds is what the client gets. Arguments are brought into that form. */
export const DateTime = new GraphQLScalarType<string, string>({
  name: 'DateTime',
  description:
    'A moment in time: ISO-8601 with milliseconds, UTC (2026-01-05T09:00:00.000Z). Arguments may carry any offset.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  serialize: (value) => {
    if (typeof value === 'string' && value.length >= 20 && value.endsWith('Z')) return value;
    return GraphQLDateTime.serialize(value).toISOString();
  },
  parseValue: (value) => GraphQLDateTime.parseValue(value).toISOString(),
  parseLiteral: (node) => GraphQLDateTime.parseLiteral(node, null).toISOString(),
});

export const Json: GraphQLScalarType = GraphQLJSON;

function textual(
  name: string,
  description: string,
  read: (value: unknown) => string | null,
): GraphQLScalarType<string, string> {
  const must = (value: unknown): string => {
    const text = read(value);
    if (text === null) throw new GraphQLError(`${name} cannot represent this value: ${JSON.stringify(value)}`);
    return text;
  };
  const ofNode = (node: ValueNode): string =>
    must(node.kind === Kind.STRING || node.kind === Kind.INT || node.kind === Kind.FLOAT ? node.value : null);
  return new GraphQLScalarType({ name, description, serialize: must, parseValue: must, parseLiteral: ofNode });
}
