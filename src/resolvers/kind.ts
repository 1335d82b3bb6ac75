/**
 * The queries of one result kind, made from its class: `orderWindow` and `orderWindows` for `OrderWindow`. The arguments
 * are declared by calling type-graphql's decorators, because they come from the kind.
 */
import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, Info, Int, Query, Resolver } from 'type-graphql';
import { responseKeys } from '../contract/response-keys.js';
import type { ServedList, ServedRow } from '../contract/reader.js';
import type { ListQuery, StoredResult } from '../stores/port.js';
import type { ConsistencyScope, ProcessingEngine } from '../words.js';
import { connectionOf } from '../schema/connection.js';
import { DEFAULT_ENGINE, ProcessingEngineEnum } from '../schema/enums.js';
import {
  isNull,
  kindOf,
  present,
  type ArgumentSpec,
  type KindClass,
  type KindDefinition,
} from '../schema/result-kind.js';
import { DateTime } from '../schema/scalars.js';
import { errandAt, orNull, type RequestContext } from './context.js';
import { encodeCursor, type Place } from './cursor.js';
import { cutPage, planPage, type PagePlan } from './page.js';

type Given = Readonly<Record<string, string>>;

const lowerFirst = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);

/** The root fields of Query that read results of the kind, each with its scopes, the default one first. */
export const queriesOf = (type: KindClass): readonly (readonly [string, readonly ConsistencyScope[]])[] => [
  [lowerFirst(type.name), ['EVENTUAL', 'STRONG']],
  [kindOf(type).many.name, ['EVENTUAL', 'STRONG', 'SEARCH']],
];

const made = new WeakMap<KindClass, abstract new () => unknown>();

/** The resolver class of a kind; the same one each time, so that types are declared once. */
export function resolverOf(type: KindClass): abstract new () => unknown {
  const known = made.get(type);
  if (known !== undefined) return known;
  const definition = kindOf(type);
  const connection = connectionOf(type);
  class KindResolver {
    one(context: RequestContext, info: GraphQLResolveInfo, ...values: unknown[]): Promise<object | null> {
      return readOne(definition, context, info, zip(oneArguments(definition), values));
    }
    many(context: RequestContext, info: GraphQLResolveInfo, ...values: unknown[]): Promise<object | null> {
      return readMany(definition, context, info, zip(manyArguments(definition), values));
    }
  }
  const { prototype } = KindResolver;
  declare(prototype, 'one', oneArguments(definition));
  Query(() => type, { name: lowerFirst(type.name), nullable: true, description: definition.one.description })(
    prototype,
    'one',
    methodOf(prototype, 'one'),
  );
  declare(prototype, 'many', manyArguments(definition));
  Query(() => connection, { name: definition.many.name, nullable: true, description: definition.many.description })(
    prototype,
    'many',
    methodOf(prototype, 'many'),
  );
  Resolver()(KindResolver);
  made.set(type, KindResolver);
  return KindResolver;
}

async function readOne(
  definition: KindDefinition,
  context: RequestContext,
  info: GraphQLResolveInfo,
  given: Given,
): Promise<object | null> {
  const path = String(info.path.key);
  const engine = await context.reader.engine(given['engine'] as ProcessingEngine | undefined);
  const key = { kind: definition.kind, businessKey: definition.one.businessKey(given), engine };
  const served = await orNull(context.reader.row(key, errandAt(context, path)));
  if (served === null) return null;
  const { row, contract } = served;
  context.ledger.add(path, contract);
  // A deleted result is an absence with a position: its contract is the row's.
  return row === null || isNull(definition, row) ? null : present(definition, row, contract);
}

async function readMany(
  definition: KindDefinition,
  context: RequestContext,
  info: GraphQLResolveInfo,
  given: Given,
): Promise<object | null> {
  const path = String(info.path.key);
  const page = planPage(definition.kind, given, context.services.maxPageSize);
  const engine = await context.reader.engine(given['engine'] as ProcessingEngine | undefined);
  const query = listQuery(definition, given, engine, page);
  const listed = await orNull(context.reader.list(query, errandAt(context, path)));
  if (listed === null) return null;
  const place = ({ row }: ServedRow): Place => ({
    order: textIn(row, definition.many.orderBy),
    businessKey: row?.businessKey ?? '',
  });
  const { rows, hasNextPage, hasPreviousPage } = cutPage(page, listed.rows, place);
  record(context, info, path, listed, rows);
  const edges = rows.map((served) => new Edge(definition, served, place(served)));
  const pageInfo = {
    hasNextPage,
    hasPreviousPage,
    startCursor: edges[0]?.cursor ?? null,
    endCursor: edges.at(-1)?.cursor ?? null,
  };
  return { edges, pageInfo, contract: listed.contract };
}

/** Listings are ordered by text (ListQuery.orderBy). */
function textIn(row: StoredResult | null, column: string): string {
  const value = row?.calculatedValue[column];
  return typeof value === 'string' ? value : '';
}

class Edge {
  readonly node: object | null;
  private readonly kind: string;
  private readonly place: Place;

  constructor(definition: KindDefinition, served: ServedRow, place: Place) {
    this.node = served.row === null ? null : present(definition, served.row, served.contract);
    this.kind = definition.kind;
    this.place = place;
  }

  /** Made when asked for: most clients want only the page's ends. */
  get cursor(): string {
    return encodeCursor(this.kind, this.place);
  }
}

function listQuery(definition: KindDefinition, given: Given, engine: ProcessingEngine, page: PagePlan): ListQuery {
  const { filters, orderBy } = definition.many;
  const equals = Object.entries(filters).flatMap(([name, { column }]) =>
    given[name] === undefined ? [] : [[column, given[name]]],
  );
  return {
    kind: definition.kind,
    engine,
    equals: Object.fromEntries(equals) as Record<string, string>,
    orderBy,
    ...(given['from'] === undefined ? {} : { from: given['from'] }),
    ...(given['to'] === undefined ? {} : { to: given['to'] }),
    ...(page.start === null ? {} : { after: page.start }),
    descending: page.backward,
    limit: page.size + 1,
  };
}

/** The set's contract holds for the connection, a row's wherever its node is selected. */
function record(
  context: RequestContext,
  info: GraphQLResolveInfo,
  path: string,
  listed: ServedList,
  rows: readonly ServedRow[],
): void {
  context.ledger.add(path, listed.contract);
  for (const [edges, node] of responseKeys(info, ['edges', 'node'])) {
    rows.forEach((served, i) => context.ledger.add(`${path}.${edges}.${i}.${node}`, served.contract));
  }
}

interface NamedArgument {
  readonly name: string;
  readonly type: ArgumentSpec['type'] | typeof Int | typeof ProcessingEngineEnum;
  readonly nullable: boolean;
  readonly description: string;
}

const engineArgument: NamedArgument = {
  name: 'engine',
  description: DEFAULT_ENGINE,
  type: ProcessingEngineEnum,
  nullable: true,
};

const oneArguments = (definition: KindDefinition): readonly NamedArgument[] => [
  ...Object.entries(definition.one.arguments).map(([name, spec]) => ({ name, ...spec, nullable: false })),
  engineArgument,
];

const manyArguments = (definition: KindDefinition): readonly NamedArgument[] => [
  ...Object.entries(definition.many.filters).map(([name, { type, description }]) => ({
    name,
    type,
    description,
    nullable: true,
  })),
  { name: 'from', type: DateTime, nullable: true, description: `Inclusive lower bound of ${definition.many.orderBy}.` },
  { name: 'to', type: DateTime, nullable: true, description: `Exclusive upper bound of ${definition.many.orderBy}.` },
  engineArgument,
  { name: 'first', type: Int, nullable: true, description: 'The first so many, at most 500. Default 50.' },
  { name: 'after', type: String, nullable: true, description: 'Only what follows this cursor.' },
  { name: 'last', type: Int, nullable: true, description: 'The last so many, at most 500.' },
  { name: 'before', type: String, nullable: true, description: 'Only what precedes this cursor.' },
];

function declare(prototype: object, method: string, named: readonly NamedArgument[]): void {
  Ctx()(prototype, method, 0);
  Info()(prototype, method, 1);
  named.forEach(({ name, type, nullable, description }, i) => {
    Arg(name, () => type, { nullable, description })(prototype, method, i + 2);
  });
}

const methodOf = (prototype: object, name: string): PropertyDescriptor =>
  Object.getOwnPropertyDescriptor(prototype, name) ?? {};

const zip = (named: readonly NamedArgument[], values: readonly unknown[]): Given =>
  Object.fromEntries(
    named.flatMap(({ name }, i) => (values[i] === undefined || values[i] === null ? [] : [[name, values[i]]])),
  ) as Given;
