import { readFileSync } from 'node:fs';
import { ApolloClient, ApolloLink, gql, InMemoryCache } from '@apollo/client';
import fc from 'fast-check';
import { buildSchema, isInterfaceType, print, type DocumentNode } from 'graphql';
import { of } from 'rxjs';
import { Session, type Contract, type Instant } from '../index.js';
import { at, contractOf as contractWith, tokenOf } from '../testing/samples.js';
import {
  consistencyLink,
  CONTRACT_TYPES,
  contractOf,
  contractOfRoot,
  contractTransform,
  possibleTypes,
  RESULT_TYPES,
  typePolicies,
} from './index.js';
import { onTheWire, withContracts } from './document.js';

const RULE = { maxAgeMs: 60_000 };
interface Reply {
  readonly data: Record<string, unknown> | null;
  readonly contracts?: readonly (Partial<Contract> & { readonly paths: readonly string[] })[];
  readonly token?: string;
  readonly unmet?: readonly object[];
}

interface Rig {
  readonly client: ApolloClient;
  readonly session: Session;
  /** What went over the wire. */
  readonly sent: { readonly query: string; readonly header: string | undefined }[];
  reply: Reply;
  nowMs: number;
  readonly now: () => Instant;
}

function rig(): Rig {
  const sent: Rig['sent'] = [];
  const clock = (): Instant => at(made.nowMs);
  const session = new Session({ clock, random: () => 0 });
  const server = new ApolloLink((operation) => {
    const headers = operation.getContext()['headers'] as Record<string, string>;
    sent.push({ query: print(operation.query), header: headers['tidemark-consistency'] });
    const { data, contracts = [], token = null, unmet } = made.reply;
    const groups = contracts.map(({ paths, ...change }) => ({ ...contractWith(change), paths }));
    return of({
      data,
      extensions: {
        consistency: { contracts: groups, weakest: 'LOW', token, truncated: false, ...(unmet && { unmet }) },
      },
    });
  });
  const made: Rig = {
    client: new ApolloClient({
      link: consistencyLink({ session, clock }).concat(server),
      cache: new InMemoryCache({ typePolicies, possibleTypes: possibleTypes() }),
      documentTransform: contractTransform(),
    }),
    session,
    sent,
    reply: { data: null },
    nowMs: 0,
    now: clock,
  };
  return made;
}

const row = (fields: Record<string, unknown>): Record<string, unknown> => ({
  __typename: 'Order',
  ...{ kind: 'order', businessKey: 'o-1', engine: 'FLINK' },
  ...fields,
});
const text = (value: unknown): object => ({ __typename: 'ContractString', value });
const STATUS = gql`
  query Status($id: ID!) {
    order(orderId: $id) {
      kind
      businessKey
      engine
      status {
        value
      }
    }
  }
`;

test('the query goes over the wire as it was written; requirement and token go in the header', async () => {
  const made = rig();
  made.reply = {
    data: { order: row({ status: text('FILLED') }) },
    contracts: [{ paths: ['order'] }],
    token: tokenOf(7),
  };
  const options = { query: STATUS, variables: { id: 'o-1' }, fetchPolicy: 'network-only' as const };
  await made.client.query(options);
  await made.client.query({ ...options, context: { tidemark: { requirement: { maxStalenessMs: 500 } } } });
  expect(made.sent.map(({ header }) => header)).toEqual([undefined, `max-staleness-ms=500, at-least="${tokenOf(7)}"`]);
  expect(made.session.token).toBe(tokenOf(7));
  expect(made.sent[0]?.query).not.toContain('_contract');
  expect(print(onTheWire(withContracts(STATUS)))).toBe(print(STATUS));
});

test('a field has its contract though the query asks for none, also from the cache, and it decays there', async () => {
  const made = rig();
  made.reply = { data: { order: row({ status: text('FILLED') }) }, contracts: [{ paths: ['order'], stalenessMs: 5 }] };
  await made.client.query({ query: STATUS, variables: { id: 'o-1' } });
  made.nowMs = 1_000;
  const { data } = await made.client.query<{ order: { status: object } }>({ query: STATUS, variables: { id: 'o-1' } });
  expect(made.sent.length).toBe(1);
  expect(contractOf(data?.order.status, RULE, made.now())).toMatchObject({
    confidenceLevel: 'HIGH',
    stalenessMs: 1_005,
  });
  made.nowMs = 60_001;
  expect(contractOf(data?.order.status, RULE, made.now())).toMatchObject({
    confidenceLevel: 'EVENTUALLY_CONSISTENT',
    reasons: ['CLIENT_AGED'],
  });
});

test('sets and nulls keep theirs, by alias too', async () => {
  const made = rig();
  const query = gql`
    {
      gone: order(orderId: "x") {
        status {
          value
        }
      }
      orders(symbol: "A") {
        ...Page
      }
    }
    fragment Page on OrderConnection {
      edges {
        cursor
        node {
          status {
            ...Leaf
          }
        }
      }
    }
    fragment Leaf on ContractString {
      value
    }
  `;
  const node = { __typename: 'Order', status: text('FILLED') };
  const edges = [{ __typename: 'OrderEdge', cursor: 'c', node }];
  made.reply = {
    data: { gone: null, orders: { __typename: 'OrderConnection', edges } },
    contracts: [
      { paths: ['gone'], confidenceLevel: 'LOW', reasons: ['RESTART_DUPLICATION'] },
      { paths: ['orders'], confidenceLevel: 'EVENTUALLY_CONSISTENT', reasons: ['STORE_BEHIND'] },
      { paths: ['orders.edges.0.node'] },
    ],
  };
  await made.client.query({ query });
  const { data } = await made.client.query<{ orders: { edges: { node: { status: object } }[] } }>({ query });
  expect(made.sent.length).toBe(1);
  expect(contractOfRoot(data, 'gone', RULE, made.now())).toMatchObject({ reasons: ['RESTART_DUPLICATION'] });
  expect(contractOfRoot(data, 'orders', RULE, made.now())).toMatchObject({ reasons: ['STORE_BEHIND'] });
  expect(contractOf(data?.orders.edges[0]?.node.status, RULE, made.now())).toMatchObject({ confidenceLevel: 'HIGH' });
});

test('a value that the application writes itself has no contract: it never gets that of the value before', async () => {
  const made = rig();
  made.reply = { data: { order: row({ status: text('PENDING') }) }, contracts: [{ paths: ['order'] }] };
  await made.client.query({ query: STATUS, variables: { id: 'o-1' } });
  made.client.writeQuery({ query: STATUS, variables: { id: 'o-1' }, data: { order: row({ status: text('MINE') }) } });
  const { cache } = made.client;
  const kept = cache.readQuery<{ order: { status: { value: string } } }>({ query: STATUS, variables: { id: 'o-1' } });
  expect(kept?.order.status.value).toBe('MINE');
  expect(JSON.stringify(cache.extract())).toContain('MINE');
  expect(JSON.stringify(cache.extract())).not.toContain('"HIGH"');
});

test('what is older than the session’s token does not reach the cache', async () => {
  const made = rig();
  made.session.observe(tokenOf(9));
  const offered = [{ store: 'MONGODB', lacks: ['POSITION'] }];
  made.reply = {
    data: { order: row({ status: text('OLD') }) },
    contracts: [{ paths: ['order'] }],
    unmet: [{ path: 'order', offered, retryAfterMs: null }],
  };
  await expect(made.client.query({ query: STATUS, variables: { id: 'o-1' } })).rejects.toThrow('older than what');
  expect(JSON.stringify(made.client.cache.extract())).not.toContain('OLD');
});

/** Queries that overlap: each asks for some fields of the same two results, with or without words of the contract. */
const QUERIES: readonly { readonly text: DocumentNode; readonly fields: readonly string[] }[] = [
  {
    text: gql`
      query A($id: ID!) {
        order(orderId: $id) {
          kind
          businessKey
          engine
          status {
            value
          }
        }
      }
    `,
    fields: ['status'],
  },
  {
    text: gql`
      query B($id: ID!) {
        order(orderId: $id) {
          kind
          businessKey
          engine
          status {
            value
          }
          price {
            value
          }
        }
      }
    `,
    fields: ['status', 'price'],
  },
  {
    text: gql`
      query C($id: ID!) {
        it: order(orderId: $id) {
          kind
          businessKey
          engine
          price {
            value
          }
          side {
            value
          }
        }
      }
    `,
    fields: ['price', 'side'],
  },
  {
    text: gql`
      query D {
        orders {
          edges {
            node {
              kind
              businessKey
              engine
              status {
                value
              }
              side {
                value
              }
            }
          }
        }
      }
    `,
    fields: ['status', 'side'],
  },
];
const LEVELS = ['HIGH', 'EVENTUALLY_CONSISTENT', 'LOW'] as const;
const answers = fc.array(
  fc.record({
    query: fc.nat(QUERIES.length - 1),
    id: fc.constantFrom('o-1', 'o-2'),
    engine: fc.constantFrom('FLINK', 'KAFKA_ONLY'),
    level: fc.constantFrom(...LEVELS),
    /** Its commit time; answers need not come in this order. */
    second: fc.integer({ min: 0, max: 59 }),
    ms: fc.nat(5_000),
  }),
  { minLength: 1, maxLength: 8 },
);

test('over any sequence of answers about the same results each value keeps the contract it came with, and none goes back', async () => {
  await fc.assert(
    fc.asyncProperty(answers, async (sequence) => {
      const made = rig();
      const levels = new Map<string, string>();
      for (const [n, { query, id, engine, level, second, ms }] of sequence.entries()) {
        made.nowMs += ms;
        const { text: document, fields } = QUERIES[query]!;
        levels.set(`v${n}`, level);
        // The value names the answer that it came with.
        const values = Object.fromEntries(fields.map((field) => [field, text(`v${n}`)]));
        const result = row({ ...values, businessKey: id, engine });
        const isList = query === 3;
        const path = isList ? 'orders.edges.0.node' : query === 2 ? 'it' : 'order';
        const asOf = new Date(Date.UTC(2026, 0, 5, 9, 0, second)).toISOString();
        const orders = { __typename: 'OrderConnection', edges: [{ __typename: 'OrderEdge', node: result }] };
        made.reply = {
          data: isList ? { orders } : { [path]: result },
          contracts: [{ paths: [path], confidenceLevel: level, asOf, provenAt: String(n), stalenessMs: 0 }],
          token: tokenOf(n),
        };
        const since = made.nowMs;
        await made.client.query({
          query: document,
          ...(!isList && { variables: { id } }),
          fetchPolicy: 'network-only',
        });
        check(made, levels, since);
      }
    }),
    { numRuns: 40 },
  );

  function check(made: Rig, levels: ReadonlyMap<string, string>, since: number): void {
    const store = made.client.cache.extract() as Record<string, Record<string, unknown>>;
    for (const [id, entity] of Object.entries(store).filter(([key]) => key.startsWith('Order:'))) {
      for (const name of ['status', 'price', 'side']) {
        const field = entity[name] as { value: string } | undefined;
        if (field === undefined) continue;
        const contract = contractOf(field, RULE, made.now());
        expect([id, name, field.value, contract?.provenAt]).toEqual([id, name, field.value, field.value.slice(1)]);
        const given = levels.get(field.value)!;
        const isAged = contract?.reasons.includes('CLIENT_AGED') === true;
        expect(contract?.confidenceLevel).toBe(isAged ? 'EVENTUALLY_CONSISTENT' : given);
        expect(contract?.stalenessMs).toBeGreaterThanOrEqual(0);
        if (field.value === `v${levels.size - 1}`) expect(contract?.stalenessMs).toBe(made.nowMs - since);
        // None goes back.
        const key = `${id}/${name}`;
        const before = seen.get(made)?.get(key) ?? '';
        expect((contract?.asOf ?? '') >= before).toBe(true);
        seen.set(made, (seen.get(made) ?? new Map<string, string>()).set(key, contract?.asOf ?? ''));
      }
    }
  }
}, 120_000);
const seen = new WeakMap<Rig, Map<string, string>>();

test('the lists of types are the schema’s', () => {
  const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'));
  const implementing = (name: string): string[] => {
    const type = schema.getType(name);
    return isInterfaceType(type)
      ? schema
          .getImplementations(type)
          .objects.map((each) => each.name)
          .sort()
      : [];
  };
  expect(implementing('ContractField')).toEqual([...CONTRACT_TYPES]);
  expect(implementing('Result')).toEqual([...RESULT_TYPES]);
});
