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
  const bare = buildSchemaSync({ resolvers: [...resolvers] as [ResolverClass, ...ResolverClass[]], validate: false });
  checkContracts(bare);
  for (const type of Object.values(bare.getTypeMap())) if (isInterfaceType(type)) type.resolveType = typeOfObject;
  const directive = consistencyDirective(enumIn(bare, 'ConfidenceLevel'), enumIn(bare, 'ConsistencyScope'));
  return new GraphQLSchema({ ...bare.toConfig(), directives: [...specifiedDirectives, directive] });
}

/** What `present` wrote on it. Synchronous: the compiled executor takes no promise here. */
const typeOfObject = (value: { readonly __typename?: string }): string | undefined => value.__typename;

function enumIn(schema: GraphQLSchema, name: string): GraphQLEnumType {
  const type = schema.getType(name);
  if (type instanceof GraphQLEnumType) return type;
  throw new AppError('SCHEMA_INCOMPLETE', `The schema has no enum ${name}.`, { retryable: false, outcome: 'none' });
}
