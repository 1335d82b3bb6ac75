/** Relay connections: `edges { node cursor }`, `pageInfo`, and the contract of the set. */
import { Field, ObjectType } from 'type-graphql';
import { ContractType } from './contract-types.js';
import type { KindClass } from './result-kind.js';

@ObjectType('PageInfo', { simpleResolvers: true })
export class PageInfo {
  @Field(() => Boolean)
  hasNextPage!: boolean;
  @Field(() => Boolean)
  hasPreviousPage!: boolean;
  @Field(() => String, { nullable: true })
  startCursor!: string | null;
  @Field(() => String, { nullable: true })
  endCursor!: string | null;
}

/** The connection type over a node type, named after it. */
export function connectionOf(node: KindClass): KindClass {
  class Edge {}
  Field(() => node)(Edge.prototype, 'node');
  Field(() => String, { description: 'Opaque: pass it as `after` or `before`.' })(Edge.prototype, 'cursor');
  ObjectType(`${node.name}Edge`, { simpleResolvers: true })(Edge);

  class Connection {}
  Field(() => [Edge])(Connection.prototype, 'edges');
  Field(() => PageInfo)(Connection.prototype, 'pageInfo');
  Field(() => ContractType, { description: 'Is the set complete and current?' })(Connection.prototype, 'contract');
  ObjectType(`${node.name}Connection`, { simpleResolvers: true })(Connection);
  return Connection;
}
