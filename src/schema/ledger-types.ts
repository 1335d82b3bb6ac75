/** What ingest wrote down beside the results: dead letters, events, receipts. Read from Postgres; they carry no contract. */
import { Field, ID, Int, ObjectType } from 'type-graphql';
import { ReasonType } from './contract-types.js';
import { connectionOf } from './connection.js';
import { ConfidenceLevelEnum, ProcessingEngineEnum, StalenessEventTypeEnum, StoreEnum } from './enums.js';
import { BigIntText, DateTime } from './scalars.js';

@ObjectType('DeadLetter', { simpleResolvers: true, description: 'A record that could not be decoded or stored.' })
export class DeadLetter {
  @Field(() => ID)
  id!: string;
  @Field(() => String)
  topic!: string;
  @Field(() => Int)
  partition!: number;
  @Field(() => BigIntText)
  offset!: bigint;
  @Field(() => String, { nullable: true })
  kafkaKey!: string | null;
  @Field(() => String, { description: 'Stable: switch on it. See docs/ERRORS.md.' })
  cause!: string;
  @Field(() => String, { description: 'A sentence for people.' })
  message!: string;
  @Field(() => String, {
    nullable: true,
    description: 'The beginning of the record, at most 4 KiB, if it is text; null when it is not, or there was none.',
  })
  payload!: string | null;
  @Field(() => String, { nullable: true, description: 'The same bytes in base64, text or not.' })
  payloadBase64!: string | null;
  @Field(() => Boolean, { description: 'The record has more bytes than are shown.' })
  payloadTruncated!: boolean;
  @Field(() => String, { description: 'OPEN, REPLAYED or DISMISSED.' })
  state!: string;
  @Field(() => Int, { nullable: true, description: 'Where the replay of a source record lies in its topic.' })
  replayPartition!: number | null;
  @Field(() => BigIntText, { nullable: true })
  replayOffset!: bigint | null;
  @Field(() => BigIntText, {
    nullable: true,
    description:
      'From this position on it is held against no result; null: it is. A replayed source record is settled once its pipeline has counted it.',
  })
  settledAt!: bigint | null;
  @Field(() => String, { description: 'The pipeline that could not decode it, or `ingest`.' })
  reportedBy!: string;
  @Field(() => DateTime)
  notedAt!: string;
  @Field(() => BigIntText, { description: 'Of the transaction that wrote it down.' })
  position!: bigint;
}
export const DeadLetterConnection = connectionOf(DeadLetter, { contract: false });

@ObjectType('StalenessEvent', {
  simpleResolvers: true,
  description:
    'Something that happened to how far a result can be trusted. Durable, in one order, once per transition.',
})
export class StalenessEventType {
  @Field(() => ID, { description: 'Its place in the order: pass it as `after` to go on from here.' })
  id!: string;
  @Field(() => StalenessEventTypeEnum)
  type!: string;
  @Field(() => DateTime, { description: "Commit time of the transaction that it happened in, by Postgres' clock." })
  at!: string;
  @Field(() => BigIntText)
  position!: bigint;
  @Field(() => StoreEnum, {
    nullable: true,
    description: 'Of an event of a store; null for all others, which have a pipeline, a run and an engine.',
  })
  store!: string | null;
  @Field(() => String, { nullable: true })
  pipeline!: string | null;
  @Field(() => String, { nullable: true })
  run!: string | null;
  @Field(() => ProcessingEngineEnum, { nullable: true })
  engine!: string | null;
  @Field(() => String, { nullable: true, description: 'Of the result; null for an event of a pipeline or a store.' })
  kind!: string | null;
  @Field(() => ID, { nullable: true })
  businessKey!: string | null;
  @Field(() => String, { nullable: true })
  symbol!: string | null;
  @Field(() => ConfidenceLevelEnum, { nullable: true, description: 'The cap before; null where there was none.' })
  levelBefore!: string | null;
  @Field(() => ConfidenceLevelEnum, { nullable: true, description: 'The cap after; null where there is none.' })
  levelAfter!: string | null;
  @Field(() => [ReasonType], { description: 'The reasons that came with it.' })
  reasons!: readonly ReasonType[];
  @Field(() => String, { description: 'A sentence for people.' })
  message!: string;
}
export const StalenessEventConnection = connectionOf(StalenessEventType, { name: 'StalenessEvent', contract: false });

@ObjectType('IngestReceipt', { simpleResolvers: true, description: 'How far the waiting came.' })
export class IngestReceipt {
  @Field(() => String, {
    description: 'Of `position`: an answer that reflects it reflects all events that are not missing.',
  })
  token!: string;
  @Field(() => BigIntText)
  position!: bigint;
  @Field(() => [ID], {
    description: 'Events that were not found, or not counted and stored by every pipeline, in time.',
  })
  missing!: readonly string[];
}
