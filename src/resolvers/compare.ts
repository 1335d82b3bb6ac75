import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, ID, Info, Query, Resolver } from 'type-graphql';
import { compareEngines, type EngineSide } from '../contract/engines.js';
import { ContractLeaf } from '../contract/field.js';
import { responseKeys } from '../contract/response-keys.js';
import { asError } from '../errors.js';
import type { ResultKey } from '../position/commit-log.js';
import { EngineComparisonType, type EngineAnswer, type RowEvidenceType } from '../schema/audit-types.js';
import { ProcessingEngineEnum } from '../schema/enums.js';
import { isAbsent, isNull } from '../schema/result-kind.js';
import { StoreAnswer } from '../schema/system-types.js';
import type { RowEvidence } from '../stores/audit-port.js';
import type { StoredResult } from '../stores/port.js';
import { PROCESSING_ENGINES, type ProcessingEngine, type Store } from '../words.js';
import type { ServedRow } from '../contract/reader.js';
import { bounded, type RequestContext } from './context.js';

@Resolver()
export class CompareResolver {
  /** Every store is asked itself; none stands in for another. */
  @Query(() => [StoreAnswer], { description: 'One result as every store holds it.' })
  async compareStores(
    @Arg('kind', () => String) kind: string,
    @Arg('businessKey', () => ID) businessKey: string,
    @Arg('engine', () => ProcessingEngineEnum, { nullable: true }) engine: ProcessingEngine | undefined,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<StoreAnswer[]> {
    const { reader } = context;
    const key = { kind, businessKey, engine: await reader.engine(engine) };
    const answers = await Promise.all(reader.stores.map((store) => ask(context, store, key)));
    const path = String(info.path.key);
    answers.forEach((answer, i) => {
      if (answer instanceof Error) return;
      for (const [value] of responseKeys(info, ['value'])) context.ledger.add(`${path}.${i}.${value}`, answer.contract);
    });
    return answers.map((answer, i) => toAnswer(reader.stores[i] ?? 'POSTGRES', answer));
  }

  /** From Postgres alone: how two engines differ is not to be mistaken for how two stores do. */
  @Query(() => EngineComparisonType, {
    nullable: true,
    description: 'One result as each engine has made it: values, evidence, contracts; who differs, and why.',
  })
  async compareEngines(
    @Arg('kind', () => String) kind: string,
    @Arg('businessKey', () => ID) businessKey: string,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<EngineComparisonType> {
    const { reader, services } = context;
    const keys = PROCESSING_ENGINES.map((engine) => ({ kind, businessKey, engine }));
    const [proof, evidence, ...served] = await Promise.all([
      reader.proof(),
      bounded(services, services.audit.evidence(keys)),
      ...keys.map((key) => reader.rowFrom('POSTGRES', key)),
    ]);
    const path = String(info.path.key);
    for (const [answers, value] of responseKeys(info, ['answers', 'value']))
      served.forEach(({ contract }, i) => context.ledger.add(`${path}.${answers}.${i}.${value}`, contract));
    const definition = services.kinds.find((known) => known.kind === kind) ?? {};
    const pipelines = (proof ?? services.observed.lastProof)?.pipelines ?? [];
    const sides = keys.map(({ engine }, i): EngineSide => {
      const { row, contract } = served[i] as ServedRow;
      const present = row !== null && !isNull(definition, row) ? row : null;
      return {
        engine,
        row: present,
        claim: contract.claim,
        evidence: present === null ? null : evidenceOf(present, evidence),
        pipelines: pipelines.filter((fact) => fact.engine === engine),
      };
    });
    const [kafkaOnly, flink] = sides as [EngineSide, EngineSide];
    const compared = compareEngines(kafkaOnly, flink, 'newestOnly' in definition && definition.newestOnly === true);
    return {
      kind,
      businessKey,
      verdict: compared.verdict,
      suspect: compared.suspect,
      why: compared.why,
      differences: compared.differences.map(({ field, values }) => ({
        field,
        kafkaOnly: values.KAFKA_ONLY,
        flink: values.FLINK,
      })),
      answers: sides.map((side, i) => engineAnswer(side, served[i] as ServedRow, evidence)),
    };
  }
}

/** What is known of this very row, and not of what has replaced it meanwhile. */
export const evidenceOf = (row: StoredResult, all: readonly RowEvidence[]): RowEvidence | null =>
  all.find(({ engine, position }) => engine === row.engine && position === row.position) ?? null;

const bigintOf = (value: number | null | undefined): bigint | null =>
  value === null || value === undefined ? null : BigInt(value);

function engineAnswer(
  { engine, row }: EngineSide,
  { contract }: ServedRow,
  evidence: readonly RowEvidence[],
): EngineAnswer {
  const value = new ContractLeaf(row?.calculatedValue ?? null, contract);
  if (row === null) return { engine, present: false, value, evidence: null };
  return { engine, present: true, value, evidence: presentEvidence(row, evidenceOf(row, evidence)) };
}

export const presentEvidence = (row: StoredResult, more: RowEvidence | null): RowEvidenceType => ({
  pipeline: row.pipeline,
  run: row.run,
  revision: row.revision,
  final: row.final,
  verified: row.verified,
  coverage: row.coverage,
  epoch: bigintOf(row.epoch),
  lastCheckpointTime: row.lastCheckpointTime,
  cause: more?.cause ?? null,
  digest: more?.digest ?? null,
  events: bigintOf(more?.events),
  duplicatesDropped: bigintOf(more?.duplicatesDropped),
  maxEventTime: more?.maxEventTime ?? null,
});

const ask = (context: RequestContext, store: Store, key: ResultKey): Promise<ServedRow | Error> =>
  context.reader.rowFrom(store, key).catch(asError);

export function toAnswer(store: Store, answer: ServedRow | Error): StoreAnswer {
  // An Error as the value of a nullable field becomes an error of that field; the other stores' answers stand.
  if (answer instanceof Error) return { store, available: false, present: false, deleted: false, value: answer };
  const present = answer.row !== null && !isAbsent(answer.row);
  return {
    store,
    available: true,
    present,
    deleted: answer.row?.deleted === true,
    value: present ? new ContractLeaf(answer.row.calculatedValue, answer.contract) : null,
  };
}
