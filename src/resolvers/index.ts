import type { GraphQLSchema } from 'graphql';
import { schemaOf } from '../schema/build.js';
import { KINDS } from '../schema/kinds/index.js';
import type { KindClass } from '../schema/result-kind.js';
import { CompareResolver } from './compare.js';
import { queriesOf, resolverOf } from './kind.js';
import { SystemResolver } from './system.js';

export interface Api {
  readonly schema: GraphQLSchema;
  /** The root fields that read results by scope: where @consistency means something. */
  readonly readable: ReadonlySet<string>;
}

/** The whole API over the given kinds. @throws AppError CONTRACT_MISSING */
export function buildApi(kinds: readonly KindClass[] = KINDS): Api {
  return {
    schema: schemaOf([CompareResolver, SystemResolver, ...kinds.map(resolverOf)]),
    readable: new Set(kinds.flatMap(queriesOf)),
  };
}
