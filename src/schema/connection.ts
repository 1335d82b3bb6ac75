/** Relay connections: `edges { node cursor }`, `pageInfo`, and, over results, the contract of the set. */
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

type NodeClass = abstract new () => object;

export interface ConnectionOptions {
  /** Default: the name of the node's class. */
  readonly name?: string;
  /** False for what is no result: such a set has no contract. */
  readonly contract?: boolean;
  /** Declares further fields of an edge. */
  readonly edge?: (prototype: object) => void;
}

/** The connection type over a node type, named after it. */
export function connectionOf(node: NodeClass, options: ConnectionOptions = {}): KindClass {
  const name = options.name ?? node.name;
  class Edge {}
  Field(() => node)(Edge.prototype, 'node');
  Field(() => String, { description: 'Opaque: pass it as `after` or `before`.' })(Edge.prototype, 'cursor');
  options.edge?.(Edge.prototype);
  ObjectType(`${name}Edge`, { simpleResolvers: true })(Edge);

  class Connection {}
  Field(() => [Edge])(Connection.prototype, 'edges');
  Field(() => PageInfo)(Connection.prototype, 'pageInfo');
  if (options.contract !== false) {
    Field(() => ContractType, { description: 'Is the set complete and current?' })(Connection.prototype, 'contract');
  }
  ObjectType(`${name}Connection`, { simpleResolvers: true })(Connection);
  return Connection;
}
