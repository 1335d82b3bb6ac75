/**
 * The same rows by an ordinary GraphQL API: the same HTTP server, Apollo Server and compiled executor, the same store, and no
 * contract. What the contract costs is what Tidemark needs beyond this.
 */
import { ApolloServer, HeaderMap } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import Fastify from 'fastify';
import type { GraphQLScalarType } from 'graphql';
import { buildSchema, type GraphQLObjectType } from 'graphql';
import { createExecutor, gatewayOf } from '../src/server/executor.js';
import type { FakeStore } from '../src/server/testing/fake-store.js';
import type { ListQuery, StoredResult } from '../src/stores/port.js';
import { windowKey } from '../wire/order-window.js';

const FIELDS = {
  symbol: 'symbol',
  windowStart: 'window_start',
  ordersTotal: 'orders_total',
  ordersBuy: 'orders_buy',
  ordersSell: 'orders_sell',
  totalAmount: 'total_amount',
  averagePrice: 'average_price',
  maxPrice: 'max_price',
} as const;
const INTS = new Set(['ordersTotal', 'ordersBuy', 'ordersSell']);
const WINDOW_MS = 300_000;

const SCHEMA = `
  scalar DateTime
  type OrderWindow { ${Object.keys(FIELDS)
    .map((name) => `${name}: ${INTS.has(name) ? 'Int' : 'String'}`)
    .join(' ')} }
  type Edge { cursor: String! node: OrderWindow! }
  type Connection { edges: [Edge!]! }
  type Query { orderWindow(symbol: String!, at: DateTime!): OrderWindow  orderWindows(first: Int): Connection }`;

function schemaOf(store: FakeStore) {
  const schema = buildSchema(SCHEMA);
  const fieldsOf = (type: string) => (schema.getType(type) as GraphQLObjectType).getFields();
  Object.assign(schema.getType('DateTime') as GraphQLScalarType, { parseValue: String });
  for (const [name, stored] of Object.entries(FIELDS)) {
    const field = fieldsOf('OrderWindow')[name];
    if (field !== undefined) field.resolve = (row: StoredResult) => row.calculatedValue[stored];
  }
  const { orderWindow, orderWindows } = fieldsOf('Query');
  if (orderWindow === undefined || orderWindows === undefined) throw new Error('no such field');
  orderWindow.resolve = async (_, { symbol, at }: { symbol: string; at: string }) => {
    const businessKey = windowKey(symbol, Math.floor(Date.parse(at) / WINDOW_MS) * WINDOW_MS);
    return (await store.readMany([{ kind: 'order_window', engine: 'KAFKA_ONLY', businessKey }])).data[0];
  };
  orderWindows.resolve = async (_, { first }: { first: number }) => {
    const query: ListQuery = {
      kind: 'order_window',
      engine: 'KAFKA_ONLY',
      equals: {},
      orderBy: 'window_start',
      descending: false,
      limit: first + 1,
    };
    const { data } = await store.list(query);
    return { edges: data.slice(0, first).map((node) => ({ cursor: node.businessKey, node })) };
  };
  return schema;
}

/** Starts it on a free port. @returns its address */
export async function startPlain(store: FakeStore): Promise<string> {
  const schema = schemaOf(store);
  const apollo = new ApolloServer({
    gateway: gatewayOf(schema, createExecutor(schema, { capacity: 40_000, valuesOf: () => Infinity })),
    plugins: [ApolloServerPluginCacheControlDisabled(), ApolloServerPluginLandingPageDisabled()],
    stopOnTerminationSignals: false,
    nodeEnv: 'production',
  });
  await apollo.start();
  const app = Fastify({ logger: false });
  app.post('/graphql', async (request, reply) => {
    const headers = new HeaderMap();
    for (const [name, value] of Object.entries(request.headers)) headers.set(name, String(value));
    const httpGraphQLRequest = { method: 'POST', headers, search: '', body: request.body };
    const answer = await apollo.executeHTTPGraphQLRequest({ httpGraphQLRequest, context: async () => ({}) });
    for (const [name, value] of answer.headers) void reply.header(name, value);
    return reply.code(answer.status ?? 200).send(answer.body.kind === 'complete' ? answer.body.string : '');
  });
  return app.listen({ host: '127.0.0.1', port: 0 });
}
