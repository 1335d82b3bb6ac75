/** Why results are trusted as far as they are: what was refused, what is recomputed, how two engines compare. */
import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { ENGINE_VERDICTS } from '../contract/engines.js';
import { ContractJsonType, ReasonType } from './contract-types.js';
import { connectionOf } from './connection.js';
import { enumOf, ProcessingEngineEnum } from './enums.js';
import { BigIntText, DateTime, Json } from './scalars.js';

@ObjectType('EmittedResult', {
  simpleResolvers: true,
  description: 'A result as it was emitted, with what it said of itself. A record of the past: it carries no contract.',
})
export class EmittedResultType {
  @Field(() => Json, {
    nullable: true,
    description: 'Its calculated_value; null when it has more than 16 KiB.',
  })
  value!: unknown;
  @Field(() => Boolean)
  deleted!: boolean;
  @Field(() => Boolean)
  final!: boolean;
  @Field(() => String, { nullable: true })
  run!: string | null;
  @Field(() => Int, { nullable: true })
  revision!: number | null;
  @Field(() => BigIntText, { nullable: true })
  epoch!: bigint | null;
  @Field(() => Json, { nullable: true, description: 'Source partition → first and last offset folded.' })
  coverage!: unknown;
  @Field(() => String, { nullable: true, description: 'Of the events folded: equal for equal sets of events.' })
  digest!: string | null;
  @Field(() => BigIntText, { nullable: true, description: 'How many events are folded.' })
  events!: bigint | null;
}

@ObjectType('Refusal', { simpleResolvers: true, description: 'A record of a result topic that was not taken in.' })
export class Refusal {
  @Field(() => ID)
  id!: string;
  @Field(() => String)
  kind!: string;
  @Field(() => ID)
  businessKey!: string;
  @Field(() => ProcessingEngineEnum)
  engine!: string;
  @Field(() => ReasonType)
  reason!: ReasonType;
  @Field(() => EmittedResultType, { nullable: true, description: 'The row as it stood then; null: there was none.' })
  stored!: EmittedResultType | null;
  @Field(() => EmittedResultType, { description: 'What was refused.' })
  refused!: EmittedResultType;
  @Field(() => [String], {
    nullable: true,
    description: 'The fields of the value in which the two differ; null when one of them is not there, or not shown.',
  })
  differs!: readonly string[] | null;
  @Field(() => String, { description: 'Where the refused record lies.' })
  topic!: string;
  @Field(() => Int)
  partition!: number;
  @Field(() => BigIntText)
  offset!: bigint;
  @Field(() => DateTime)
  notedAt!: string;
  @Field(() => BigIntText, { description: 'Of the transaction that refused it.' })
  position!: bigint;
}
export const RefusalConnection = connectionOf(Refusal, { contract: false });

@ObjectType('SourcePlace', { simpleResolvers: true, description: 'An event of the source.' })
export class SourcePlace {
  @Field(() => Int)
  partition!: number;
  @Field(() => BigIntText)
  offset!: bigint;
}

@ObjectType('ReprocessingRequest', {
  simpleResolvers: true,
  description: 'That a result is recomputed from the source. At most one is open per result.',
})
export class ReprocessingRequest {
  @Field(() => ID)
  id!: string;
  @Field(() => String)
  kind!: string;
  @Field(() => ID)
  businessKey!: string;
  @Field(() => ProcessingEngineEnum)
  engine!: string;
  @Field(() => String, {
    description:
      'OPEN; DONE: the recomputed value was taken in, and the result is HIGH unless `reasons` of it say otherwise; FAILED.',
  })
  state!: string;
  @Field(() => ReasonType, {
    description: 'What it was asked for; REQUESTED: a person did, for nothing in particular.',
  })
  reason!: ReasonType;
  @Field(() => String, {
    description: '`person`; `ingest`: when it found the result wrong; `sweep`: it was lying about, LOW.',
  })
  requestedBy!: string;
  @Field(() => DateTime)
  requestedAt!: string;
  @Field(() => BigIntText)
  requestedPosition!: bigint;
  @Field(() => Int)
  attempts!: number;
  @Field(() => DateTime, {
    nullable: true,
    description: 'While it is open: nobody begins to work on it before. It moves ahead when somebody does.',
  })
  dueAt!: string | null;
  @Field(() => Json, {
    nullable: true,
    description: 'Source partition → next offset: how far the newest answer has read.',
  })
  upTo!: unknown;
  @Field(() => SourcePlace, { nullable: true, description: 'A dropped event that the answer must have read.' })
  mustRead!: SourcePlace | null;
  @Field(() => DateTime, { nullable: true })
  finishedAt!: string | null;
  @Field(() => BigIntText, {
    nullable: true,
    description: 'DONE: of the transaction that took the answer in. FAILED: where the clock stood.',
  })
  finishedPosition!: bigint | null;
  @Field(() => ReasonType, {
    nullable: true,
    description: 'Why it failed or, while it is open, why the last attempt did. Codes: docs/ERRORS.md.',
  })
  failure!: ReasonType | null;
}
export const ReprocessingConnection = connectionOf(ReprocessingRequest, { name: 'Reprocessing', contract: false });

export const EngineVerdictEnum = enumOf(ENGINE_VERDICTS);
registerEnumType(EngineVerdictEnum, {
  name: 'EngineVerdict',
  description: 'How the results of two engines compare.',
  valuesConfig: {
    EQUAL: { description: 'Both have one, with the same value.' },
    DIFFERENT: { description: 'Both have one, with different values.' },
    ONE_MISSING: { description: 'One of them has none.' },
    BOTH_MISSING: { description: 'Neither has one.' },
  },
});

@ObjectType('RowEvidence', { simpleResolvers: true, description: 'What a row rests on, as its engine reported it.' })
export class RowEvidenceType {
  @Field(() => String)
  pipeline!: string;
  @Field(() => String)
  run!: string;
  @Field(() => Int)
  revision!: number;
  @Field(() => Boolean)
  final!: boolean;
  @Field(() => Boolean, { description: 'The value was recomputed from the source.' })
  verified!: boolean;
  @Field(() => Json, { nullable: true, description: 'Source partition → first and last offset folded.' })
  coverage!: unknown;
  @Field(() => BigIntText, { nullable: true })
  epoch!: bigint | null;
  @Field(() => DateTime, { nullable: true })
  lastCheckpointTime!: string | null;
  @Field(() => String, { nullable: true, description: 'IN_ORDER, LATE or REPROCESSED. Null here and below: unknown.' })
  cause!: string | null;
  @Field(() => String, { nullable: true, description: 'Of the events folded: equal for equal sets of events.' })
  digest!: string | null;
  @Field(() => BigIntText, { nullable: true, description: 'How many events are folded.' })
  events!: bigint | null;
  @Field(() => BigIntText, { nullable: true })
  duplicatesDropped!: bigint | null;
  @Field(() => DateTime, { nullable: true })
  maxEventTime!: string | null;
}

@ObjectType('EngineAnswer', { simpleResolvers: true, description: 'What one engine has made of a key.' })
export class EngineAnswer {
  @Field(() => ProcessingEngineEnum)
  engine!: string;
  @Field(() => Boolean, { description: 'It has such a result.' })
  present!: boolean;
  @Field(() => ContractJsonType, {
    description: 'Its calculated_value, null when it has none; with the contract, from Postgres.',
  })
  value!: unknown;
  @Field(() => RowEvidenceType, { nullable: true })
  evidence!: RowEvidenceType | null;
}

@ObjectType('EngineFinding', { simpleResolvers: true, description: 'Why two engines differ.' })
export class EngineFindingType {
  @Field(() => ProcessingEngineEnum, { nullable: true, description: 'Of whom it is said; null: of both.' })
  engine!: string | null;
  @Field(() => String, { description: 'Stable: switch on it. See docs/CONTRACT.md.' })
  code!: string;
  @Field(() => String, { description: 'A sentence for people.' })
  message!: string;
}

@ObjectType('ValueDifference', { simpleResolvers: true, description: 'A field in which two engines differ.' })
export class ValueDifferenceType {
  @Field(() => String)
  field!: string;
  @Field(() => Json, { nullable: true })
  kafkaOnly!: unknown;
  @Field(() => Json, { nullable: true })
  flink!: unknown;
}

@ObjectType('EngineComparison', {
  simpleResolvers: true,
  description: 'One key as each engine has it in Postgres, read at once, and what tells the two apart.',
})
export class EngineComparisonType {
  @Field(() => String)
  kind!: string;
  @Field(() => ID)
  businessKey!: string;
  @Field(() => EngineVerdictEnum)
  verdict!: string;
  @Field(() => [ValueDifferenceType])
  differences!: readonly ValueDifferenceType[];
  @Field(() => ProcessingEngineEnum, {
    nullable: true,
    description:
      'Whose value is to be doubted, where both have folded the same offsets; null: neither, or nothing tells.',
  })
  suspect!: string | null;
  @Field(() => [EngineFindingType])
  why!: readonly EngineFindingType[];
  @Field(() => [EngineAnswer], { description: 'KAFKA_ONLY, then FLINK.' })
  answers!: readonly EngineAnswer[];
}
