import type { GraphQLSchema } from 'graphql';
import type { Readable } from '../contract/consistency.js';
import { schemaOf } from '../schema/build.js';
import { KINDS } from '../schema/kinds/index.js';
import type { KindClass } from '../schema/result-kind.js';
import { AuditResolver } from './audit.js';
import { CompareResolver } from './compare.js';
import { DeadLetterResolver } from './dead-letters.js';
import { ExplainResolver } from './explain.js';
import { IngestedResolver } from './ingested.js';
import { queriesOf, resolverOf } from './kind.js';
import { LabResolver } from './lab.js';
import { ResultResolver } from './result.js';
import { SearchResolver } from './search.js';
import { StalenessResolver } from './staleness.js';
import { StatsResolver } from './stats.js';
import { SubscriptionResolver } from './subscriptions.js';
import { SystemResolver } from './system.js';

export interface Api {
  readonly schema: GraphQLSchema;
  /** Where @consistency means something. */
  readonly readable: Readable;
}

const OWN = [
  AuditResolver,
  CompareResolver,
  DeadLetterResolver,
  ExplainResolver,
  IngestedResolver,
  ResultResolver,
  SearchResolver,
  StalenessResolver,
  StatsResolver,
  SubscriptionResolver,
  SystemResolver,
] as const;

/** The whole API over the given kinds; with `lab` also faults. @throws AppError CONTRACT_MISSING */
export function buildApi(
  kinds: readonly KindClass[] = KINDS,
  { lab }: { readonly lab: boolean } = { lab: false },
): Api {
  return {
    schema: schemaOf([...OWN, ...(lab ? [LabResolver] : []), ...kinds.map(resolverOf)]),
    readable: new Map([
      ...kinds.flatMap(queriesOf),
      ['result', ['EVENTUAL', 'STRONG']],
      ['resultChanged', ['EVENTUAL', 'STRONG']],
      ['search', ['SEARCH']],
      ['symbolStats', ['EVENTUAL', 'STRONG']],
      ['windowHistory', ['EVENTUAL', 'STRONG']],
    ]),
  };
}
