/** `ContractField` and the types that implement it: how every leaf of a result looks. */
import type { GraphQLScalarType } from 'graphql';
import { Field, InterfaceType, Int, ObjectType } from 'type-graphql';
import { ConfidenceLevelEnum, ConsistencyScopeEnum, ProcessingEngineEnum, StoreEnum } from './enums.js';
import { BigIntText, DateTime, Decimal, Json } from './scalars.js';

@ObjectType('Reason', { simpleResolvers: true, description: 'Why a field is not HIGH.' })
export class ReasonType {
  @Field(() => String, { description: 'Stable: switch on it.' })
  code!: string;
  @Field(() => String, { description: 'A sentence for people.' })
  message!: string;
}

@InterfaceType('ContractField', { description: 'How far a value can be trusted, and how the server knows.' })
export abstract class ContractField {
  @Field(() => ConfidenceLevelEnum)
  confidenceLevel!: string;
  @Field(() => ConsistencyScopeEnum)
  consistencyScope!: string;
  @Field(() => ProcessingEngineEnum)
  processingEngine!: string;
  @Field(() => DateTime, {
    nullable: true,
    description: 'The newest completed checkpoint that the pipeline has reported; null for KAFKA_ONLY.',
  })
  lastCheckpointTime!: string | null;
  @Field(() => DateTime, {
    nullable: true,
    description:
      'Commit time of the newest position that the answering store has applied; for Postgres the minimum over the read models.',
  })
  lastCdcSyncTime!: string | null;
  @Field(() => DateTime, { nullable: true, description: 'Every write accepted up to this commit time is reflected.' })
  asOf!: string | null;
  @Field(() => DateTime, {
    nullable: true,
    description: 'Every source record appended up to this time is counted; null when unknown.',
  })
  sourceAsOf!: string | null;
  @Field(() => Int, {
    nullable: true,
    description:
      'Upper bound of the age of the answer when the response is sent; null when unknown, and then never HIGH.',
  })
  stalenessMs!: unknown;
  @Field(() => Boolean)
  stale!: boolean;
  @Field(() => [ReasonType])
  reasons!: readonly ReasonType[];
  @Field(() => StoreEnum)
  servedBy!: string;
  @Field(() => BigIntText, {
    description: 'Of the row: the position that last changed it. Of a set or a null: the position proven.',
  })
  position!: bigint;
  @Field(() => BigIntText, { nullable: true, description: 'The position at which it was proven to be the newest.' })
  provenAt!: bigint | null;
}

@ObjectType('Contract', { implements: ContractField, simpleResolvers: true, description: 'The contract of a set.' })
export class ContractType {}

/** The classes that type-graphql knows the contract fields by; the objects served are `ContractLeaf`s. */
export const ContractDecimalType = contractType('ContractDecimal', Decimal);
export const ContractIntType = contractType('ContractInt', Int);
export const ContractBooleanType = contractType('ContractBoolean', Boolean);
export const ContractStringType = contractType('ContractString', String);
export const ContractDateTimeType = contractType('ContractDateTime', DateTime);
export const ContractJsonType = contractType('ContractJSON', Json);

function contractType(
  name: string,
  scalar: GraphQLScalarType | StringConstructor | BooleanConstructor,
): new () => object {
  class Typed {}
  Field(() => scalar, { nullable: true })(Typed.prototype, 'value');
  ObjectType(name, { implements: ContractField, simpleResolvers: true })(Typed);
  return Typed;
}
