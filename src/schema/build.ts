/** From the kinds and the resolvers to the executable schema. */
import 'reflect-metadata';
import { GraphQLEnumType, GraphQLSchema, isInterfaceType, specifiedDirectives } from 'graphql';
import { buildSchemaSync } from 'type-graphql';
import { AppError } from '../errors.js';
import { consistencyDirective } from '../contract/consistency.js';
import { checkContracts } from './check.js';

type ResolverClass = abstract new (...args: never[]) => unknown;

/** @throws AppError CONTRACT_MISSING when a result type has a field without a contract */
export function schemaOf(resolvers: readonly [ResolverClass, ...ResolverClass[]]): GraphQLSchema {
  const bare = buildSchemaSync({
    resolvers: [...resolvers] as [ResolverClass, ...ResolverClass[]],
    validate: false,
    pubSub: NO_PUBSUB,
  });
  checkContracts(bare);
  for (const type of Object.values(bare.getTypeMap())) if (isInterfaceType(type)) type.resolveType = typeOfObject;
  const directive = consistencyDirective(enumIn(bare, 'ConfidenceLevel'), enumIn(bare, 'ConsistencyScope'));
  return new GraphQLSchema({ ...bare.toConfig(), directives: [...specifiedDirectives, directive] });
}

const unused = (): never => {
  throw new Error('every subscription has a source of its own');
};
/** type-graphql wants one as soon as there is a subscription, even if each says itself what it follows. */
const NO_PUBSUB = { publish: unused, subscribe: unused };

/** What `present` wrote on it. Synchronous: the compiled executor takes no promise here. */
const typeOfObject = (value: { readonly __typename?: string }): string | undefined => value.__typename;

function enumIn(schema: GraphQLSchema, name: string): GraphQLEnumType {
  const type = schema.getType(name);
  if (type instanceof GraphQLEnumType) return type;
  throw new AppError('SCHEMA_INCOMPLETE', `The schema has no enum ${name}.`, { retryable: false, outcome: 'none' });
}
