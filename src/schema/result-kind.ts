/**
 * A result kind is one class: `@ResultKind` says what it is called and how it is found, a decorator per field says which
 * contract type it has. From this the types, the connection and both queries are made (resolvers/kind.ts). The fields
 * are read from `calculated_value` under their snake_case names, null-safe.
 */
import type { GraphQLScalarType } from 'graphql';
import { Field, ID, Int, InterfaceType, ObjectType } from 'type-graphql';
import { AppError } from '../errors.js';
import { microsToIso, type Micros } from '../position/position.js';
import type { StoredResult } from '../stores/port.js';
import { ContractLeaf, type SharedContract } from '../contract/field.js';
import {
  ContractBooleanType,
  ContractDateTimeType,
  ContractDecimalType,
  ContractIntType,
  ContractJsonType,
  ContractStringType,
} from './contract-types.js';
import { ProcessingEngineEnum } from './enums.js';
import { DateTime } from './scalars.js';

// A kind is in a schema when its queries are, not because its class was loaded.
@InterfaceType('Result', { autoRegisterImplementations: false, description: 'What every kind of result has.' })
export abstract class Result {
  @Field(() => String)
  kind!: string;
  @Field(() => ID)
  businessKey!: string;
  @Field(() => ProcessingEngineEnum)
  engine!: string;
  @Field(() => Int, { description: 'Counts the emissions of this result.' })
  revision!: number;
  @Field(() => Boolean, { description: 'The engine will not change it any more, unless reprocessed.' })
  final!: boolean;
  @Field(() => DateTime, { description: 'Commit time of its last change.' })
  updatedAt!: string;
}

export interface ArgumentSpec {
  readonly type: GraphQLScalarType | StringConstructor;
  readonly description: string;
}

export interface KindOptions {
  /** `kind` of the result messages, rows and documents. */
  readonly kind: string;
  readonly description: string;
  /** A deleted one is still returned by its key, because a field of it says so; else it is null. Lists leave it out. */
  readonly showsDeleted?: boolean;
  /** It is what its newest event says, so that its coverage is a place; else it folds all events of its coverage. */
  readonly newestOnly?: boolean;
  /** `search` finds it. */
  readonly searchable?: boolean;
  /** The query for one result: its arguments, and the business key that they make. */
  readonly one: {
    readonly description: string;
    readonly arguments: Readonly<Record<string, ArgumentSpec>>;
    readonly businessKey: (given: Readonly<Record<string, string>>) => string;
  };
  /** The query for a page of them. */
  readonly many: {
    readonly name: string;
    readonly description: string;
    /** The field of `calculated_value` that orders the listing; `from` and `to` bound it. */
    readonly orderBy: string;
    /** Optional arguments, by the field of `calculated_value` that they must equal. */
    readonly filters: Readonly<Record<string, ArgumentSpec & { readonly column: string }>>;
  };
}

export type KindClass = new () => object;

interface ContractColumn {
  readonly name: string;
  readonly column: string;
}

export interface KindDefinition extends KindOptions {
  readonly type: KindClass;
  readonly typeName: string;
  readonly columns: readonly ContractColumn[];
}

const definitions = new WeakMap<object, KindDefinition>();
const columnsOf = new WeakMap<object, ContractColumn[]>();
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Declares a class as a result kind. Its name is the name of the GraphQL type. */
export function ResultKind(options: KindOptions): (target: KindClass) => void {
  return (target) => {
    ObjectType(target.name, { implements: Result, simpleResolvers: true, description: options.description })(target);
    definitions.set(target, {
      ...options,
      type: target,
      typeName: target.name,
      columns: columnsOf.get(target.prototype as object) ?? [],
    });
  };
}

/** What `@ResultKind` declared. @throws AppError KIND_UNDECLARED */
export function kindOf(target: KindClass): KindDefinition {
  const definition = definitions.get(target);
  if (definition !== undefined) return definition;
  throw new AppError('KIND_UNDECLARED', `${target.name} has no @ResultKind.`, { retryable: false, outcome: 'none' });
}

const contractField =
  (type: KindClass) =>
  (description?: string): PropertyDecorator =>
  (prototype, property) => {
    const name = String(property);
    columnsOf.set(prototype, [...(columnsOf.get(prototype) ?? []), { name, column: snake(name) }]);
    Field(() => type, description === undefined ? {} : { description })(prototype, property);
  };

export const ContractInt = contractField(ContractIntType);
export const ContractBoolean = contractField(ContractBooleanType);
export const ContractString = contractField(ContractStringType);
export const ContractDecimal = contractField(ContractDecimalType);
export const ContractDateTime = contractField(ContractDateTimeType);
export const ContractJSON = contractField(ContractJsonType);

/** The fields of the interface; one shape for every row of every kind. */
class ResultObject {
  /** Which type it is, where the schema says `Result`. */
  readonly __typename: string;
  readonly kind: string;
  readonly businessKey: string;
  readonly engine: string;
  readonly revision: number;
  readonly final: boolean;
  private readonly committedAt: Micros;

  constructor(typeName: string, row: StoredResult) {
    this.__typename = typeName;
    this.kind = row.kind;
    this.businessKey = row.businessKey;
    this.engine = row.engine;
    this.revision = row.revision;
    this.final = row.final;
    this.committedAt = row.committedAt;
  }

  get updatedAt(): string {
    return microsToIso(this.committedAt);
  }
}

/** Nothing was ever calculated for the key, though something may be held against it (decision/plan.ts, `absence`). */
export const isAbsent = (row: StoredResult): boolean => row.deleted && Object.keys(row.calculatedValue).length === 0;

/** Is the row a null to those who ask for its kind? Its contract is then the null's. */
export const isNull = (definition: Pick<KindOptions, 'showsDeleted'>, row: StoredResult): boolean =>
  definition.showsDeleted === true ? isAbsent(row) : row.deleted;

/** A result of any kind, with its value in one piece. */
@ObjectType('GenericResult', {
  implements: Result,
  simpleResolvers: true,
  description: 'A result of any kind, also of one that this schema has no type for.',
})
export class GenericResult {
  @Field(() => ContractJsonType, { description: 'Its calculated_value; names are snake_case, decimals strings.' })
  value!: unknown;
  @Field(() => ContractBooleanType, { description: 'Deleted: the value is the last one.' })
  deleted!: unknown;
}

export const presentGeneric = (row: StoredResult, contract: SharedContract): GenericResult =>
  Object.assign(new ResultObject('GenericResult', row), {
    value: new ContractLeaf(row.calculatedValue, contract),
    deleted: new ContractLeaf(row.deleted, contract),
  });

/** A stored row as the API shows it: every field with the row's one contract. */
export function present(definition: KindDefinition, row: StoredResult, contract: SharedContract): object {
  // Plain properties, not getters: the compiled executor reads each of them several times.
  const object = new ResultObject(definition.typeName, row) as unknown as Record<string, unknown>;
  for (const { name, column } of definition.columns) {
    object[name] = new ContractLeaf(row.calculatedValue[column] ?? null, contract);
  }
  return object;
}
