/** Why a result has the level that it has. Records of how the server came to it: they carry no contract of their own. */
import { Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import { ReprocessingRequest, RowEvidenceType } from './audit-types.js';
import { ContractType, ReasonType } from './contract-types.js';
import { ConfidenceLevelEnum, enumOf, ProcessingEngineEnum, StalenessEventTypeEnum, StoreEnum } from './enums.js';
import { BigIntText, DateTime, Json } from './scalars.js';
import { StoreAnswer } from './system-types.js';

export const RuleStageEnum = enumOf(['WRITE', 'READ']);
registerEnumType(RuleStageEnum, {
  name: 'RuleStage',
  description: 'When a rule was applied.',
  valuesConfig: {
    WRITE: { description: 'When the row was written: it gave the row its cap.' },
    READ: { description: 'When the row was read: from the facts of its pipeline, and the proof.' },
  },
});

export const RemedyActorEnum = enumOf(['ITSELF', 'STORE', 'REPROCESSING', 'PIPELINE', 'OPERATOR', 'NOBODY']);
registerEnumType(RemedyActorEnum, {
  name: 'RemedyActor',
  description: 'Who has to do something.',
  valuesConfig: {
    ITSELF: { description: 'Nobody: it passes as the pipeline goes on.' },
    STORE: { description: 'The store, by itself.' },
    REPROCESSING: { description: 'It is recomputed from the source; `requestReprocessing` asks for that.' },
    PIPELINE: { description: 'Who runs the pipeline.' },
    OPERATOR: { description: 'Who runs the servers.' },
    NOBODY: { description: 'It stays.' },
  },
});

@ObjectType('AppliedRule', {
  simpleResolvers: true,
  description: 'A rule that a label comes from, with what it looked at and what it measured by.',
})
export class AppliedRuleType {
  @Field(() => RuleStageEnum)
  stage!: string;
  @Field(() => String, { description: 'As in `decisionTable`.' })
  scenario!: string;
  @Field(() => String)
  decision!: string;
  @Field(() => ConfidenceLevelEnum, {
    nullable: true,
    description: 'What it allows at most; null: it neither raises nor lowers.',
  })
  level!: string | null;
  @Field(() => ReasonType, { nullable: true })
  reason!: ReasonType | null;
  @Field(() => Boolean, { description: 'False: what it waited for has come since the row was written.' })
  holds!: boolean;
  @Field(() => Json, {
    description: 'What it looked at: the words of the decision, or facts. Times by Postgres’ clock.',
  })
  inputs!: unknown;
  @Field(() => Json, { description: 'By what it measured, from the configuration and the job. Milliseconds.' })
  thresholds!: unknown;
}

@ObjectType('Remedy', { simpleResolvers: true, description: 'What has to happen before the result is HIGH.' })
export class RemedyType {
  @Field(() => ReasonType)
  reason!: ReasonType;
  @Field(() => RemedyActorEnum)
  by!: string;
  @Field(() => String, { description: 'A sentence for people.' })
  what!: string;
  @Field(() => DateTime, { nullable: true, description: 'Not before, by what is known now; null: nobody knows.' })
  notBefore!: string | null;
}

@ObjectType('LevelChange', {
  simpleResolvers: true,
  description:
    'Something that happened to how far a key can be trusted: to its row, its pipeline, or the way to a store.',
})
export class LevelChangeType {
  @Field(() => ID, { description: 'Of the event: as in `stalenessEvents`.' })
  id!: string;
  @Field(() => StalenessEventTypeEnum)
  type!: string;
  @Field(() => DateTime)
  at!: string;
  @Field(() => BigIntText, { description: 'Of the transaction that it happened in.' })
  position!: bigint;
  @Field(() => Boolean, {
    description: 'It changed the row. Else it lowers, or no longer lowers, whatever it concerns.',
  })
  ofTheRow!: boolean;
  @Field(() => StoreEnum, { nullable: true })
  store!: string | null;
  @Field(() => String, { nullable: true })
  run!: string | null;
  @Field(() => ConfidenceLevelEnum, { nullable: true, description: 'The cap before; null where there was none.' })
  levelBefore!: string | null;
  @Field(() => ConfidenceLevelEnum, { nullable: true, description: 'The cap after; null where there is none.' })
  levelAfter!: string | null;
  @Field(() => [ReasonType], { description: 'The reasons that came with it.' })
  reasons!: readonly ReasonType[];
  @Field(() => [String], {
    nullable: true,
    description: 'The scenarios of `decisionTable` that held; null: not known, or it did not change the row.',
  })
  scenarios!: readonly string[] | null;
  @Field(() => String, { description: 'A sentence for people.' })
  message!: string;
}

@ObjectType('LevelHistory', { simpleResolvers: true })
export class LevelHistoryType {
  @Field(() => [LevelChangeType], { description: 'Newest first, none from before the row was made.' })
  changes!: readonly LevelChangeType[];
  @Field(() => Boolean, { description: 'There are older ones than were asked for.' })
  hasMore!: boolean;
  @Field(() => BigIntText, {
    nullable: true,
    description: 'The transaction that made the row; null: there is none, or it is older than 0.3.0.',
  })
  firstPosition!: bigint | null;
  @Field(() => BigIntText, { description: 'What happened up to here may be forgotten (RETENTION_DAYS).' })
  prunedTo!: bigint;
}

@ObjectType('Explanation', {
  simpleResolvers: true,
  description:
    'Why one result has the level that it has, in the answer of one store; what each store holds; what has to happen for HIGH.',
})
export class Explanation {
  @Field(() => String)
  kind!: string;
  @Field(() => ID)
  businessKey!: string;
  @Field(() => ProcessingEngineEnum)
  engine!: string;
  @Field(() => Boolean, { description: 'The store whose answer is explained has such a result.' })
  present!: boolean;
  @Field(() => ContractType, { description: 'The label that is explained.' })
  contract!: unknown;
  @Field(() => AppliedRuleType, {
    nullable: true,
    description:
      'The rule without which the level would be higher; of a HIGH the one that gave it. null: the row is older than 0.3.0.',
  })
  decidedBy!: AppliedRuleType | null;
  @Field(() => [AppliedRuleType], { description: 'All rules that held, those of writing first.' })
  rules!: readonly AppliedRuleType[];
  @Field(() => RowEvidenceType, { nullable: true, description: 'What the row rests on, as its engine reported it.' })
  evidence!: RowEvidenceType | Error | null;
  @Field(() => LevelHistoryType, {
    nullable: true,
    description:
      'What happened to its level, append-only, for `RETENTION_DAYS`. null with an error: Postgres does not answer.',
  })
  history!: LevelHistoryType | Error;
  @Field(() => [StoreAnswer], { description: 'What each store holds now.' })
  stores!: readonly StoreAnswer[];
  @Field(() => [RemedyType], { description: 'What has to happen for HIGH: all of it. Empty when it is.' })
  toHigh!: readonly RemedyType[];
  @Field(() => DateTime, {
    nullable: true,
    description: 'It is not HIGH before, by what is known now; null: it is, or nobody knows, or it stays as it is.',
  })
  highNotBefore!: string | null;
  @Field(() => ReprocessingRequest, { nullable: true, description: 'The newest recomputation that was asked for.' })
  reprocessing!: ReprocessingRequest | Error | null;
  @Field(() => Json, {
    description: 'All that the label follows from. `src/explain/record.ts` derives it again, without a server.',
  })
  record!: unknown;
  @Field(() => Boolean, {
    nullable: true,
    description:
      'Derived again from `record` alone it is the same. False would be a bug. null: why the row has its cap is not known, as of rows older than 0.3.0 and of those that Postgres has replaced since.',
  })
  reproduced!: boolean | null;
}
