import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, ID, Info, Int, Query, Resolver } from 'type-graphql';
import type { ExplainedRow } from '../contract/reader.js';
import { reasonOf } from '../contract/reason.js';
import { responseKeys } from '../contract/response-keys.js';
import { unavailable } from '../contract/store-reads.js';
import { asError } from '../errors.js';
import { explain } from '../explain/explain.js';
import { scenariosOf } from '../explain/history.js';
import type { Remedy } from '../explain/remedies.js';
import type { AppliedRule } from '../explain/rules.js';
import type { ResultKey } from '../position/commit-log.js';
import { idOf } from '../position/event-id.js';
import { microsToIso, type Micros } from '../position/position.js';
import { DEFAULT_ENGINE, ProcessingEngineEnum, StoreEnum } from '../schema/enums.js';
import {
  Explanation,
  type AppliedRuleType,
  type LevelChangeType,
  type LevelHistoryType,
  type RemedyType,
} from '../schema/explain-types.js';
import { isAbsent } from '../schema/result-kind.js';
import type { RowDecision, RowEvidence, StoredRequest } from '../stores/audit-port.js';
import type { RecordedEvent } from '../stores/port.js';
import type { ProcessingEngine, Store } from '../words.js';
import { presentRequest } from './audit.js';
import { evidenceOf, presentEvidence, toAnswer } from './compare.js';
import { bounded, type RequestContext, type Services } from './context.js';
import { badCursor } from './cursor.js';
import { planPage } from './page.js';

type Maybe<T> = T | null | undefined;

/** What Postgres alone knows of the key beside its row. */
interface Beside {
  readonly decision: RowDecision | null;
  readonly evidence: readonly RowEvidence[];
  readonly request: StoredRequest | null;
}

@Resolver()
export class ExplainResolver {
  /** Never without an answer while any store gives one: what the others, and Postgres, would add is then an error of its own. */
  @Query(() => Explanation, {
    description:
      'Why a result has the level that it has: the deciding rule, what it looked at, the evidence, what happened to the level before, what each store holds, and what has to happen for HIGH.',
  })
  async explain(
    @Arg('kind', () => String) kind: string,
    @Arg('businessKey', () => ID) businessKey: string,
    @Arg('engine', () => ProcessingEngineEnum, { nullable: true, description: DEFAULT_ENGINE })
    engine: Maybe<ProcessingEngine>,
    @Arg('store', () => StoreEnum, {
      nullable: true,
      description: 'Whose answer is explained. Default: POSTGRES or, when it does not answer, the first one that does.',
    })
    store: Maybe<Store>,
    @Arg('first', () => Int, { nullable: true, description: 'Entries of the history, at most 500. Default 50.' })
    first: Maybe<number>,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Explanation> {
    const { reader, services } = context;
    const { size } = planPage(noCursor, { first }, services.maxPageSize);
    const key = { kind, businessKey, engine: await reader.engine(engine) };
    const [answers, beside] = await Promise.all([
      Promise.all(reader.stores.map((own) => reader.explained(own, key).catch(asError))),
      besideOf(services, key).catch(asError),
    ]);
    const answer = chosen(reader.stores, answers, store);
    const history = await historyOf(context, key, answer, size).catch(asError);
    note(context, info, answers, answer);
    return explanation(key, { stores: reader.stores, answers, answer, beside, history });
  }
}

const noCursor = (): never => {
  throw badCursor();
};

async function besideOf(services: Services, key: ResultKey): Promise<Beside> {
  const { audit } = services;
  const read = Promise.all([audit.decision(key), audit.evidence([key]), audit.requests({ ...key, limit: 1 })]);
  const [decision, evidence, [request = null]] = await bounded(services, read);
  return { decision, evidence, request };
}

/** @throws AppError STORE_UNAVAILABLE */
function chosen(stores: readonly Store[], answers: readonly (ExplainedRow | Error)[], asked: Maybe<Store>) {
  const own = answers[stores.indexOf(asked ?? 'POSTGRES')];
  const answer = asked == null && !isAnswer(own) ? (answers.find(isAnswer) ?? own) : own;
  if (isAnswer(answer)) return answer;
  throw answer ?? unavailable(asked ?? 'POSTGRES', 'it is not configured');
}

const isAnswer = (answer: ExplainedRow | Error | undefined): answer is ExplainedRow =>
  answer !== undefined && !(answer instanceof Error);

async function historyOf(
  { reader, services }: RequestContext,
  key: ResultKey,
  { row, contract }: ExplainedRow,
  size: number,
): Promise<Omit<LevelHistoryType, 'firstPosition'>> {
  const facts = ((await reader.proof()) ?? services.observed.lastProof)?.pipelines ?? [];
  const pipeline = row?.pipeline ?? facts.find(({ engine }) => engine === key.engine)?.pipeline ?? null;
  const { servedBy } = contract;
  const store = servedBy === 'POSTGRES' ? {} : { store: servedBy };
  const { events, prunedTo } = await bounded(
    services,
    services.history.history({ ...key, pipeline, ...store, limit: size + 1 }),
  );
  return {
    changes: events.slice(0, size).map(presentChange),
    hasMore: events.length > size,
    prunedTo: prunedTo.position,
  };
}

function note(
  { ledger }: RequestContext,
  info: GraphQLResolveInfo,
  answers: readonly (ExplainedRow | Error)[],
  answer: ExplainedRow,
): void {
  const path = String(info.path.key);
  for (const [contract] of responseKeys(info, ['contract'])) ledger.add(`${path}.${contract}`, answer.contract);
  for (const [stores, value] of responseKeys(info, ['stores', 'value']))
    answers.forEach((own, i) => {
      if (isAnswer(own)) ledger.add(`${path}.${stores}.${i}.${value}`, own.contract);
    });
}

interface Read {
  readonly stores: readonly Store[];
  readonly answers: readonly (ExplainedRow | Error)[];
  readonly answer: ExplainedRow;
  readonly beside: Beside | Error;
  readonly history: Omit<LevelHistoryType, 'firstPosition'> | Error;
}

function explanation(key: ResultKey, { stores, answers, answer, beside, history }: Read): Explanation {
  const known = beside instanceof Error ? null : beside;
  const { row, contract, assessment } = answer;
  const { decision = null, request = null } = known ?? {};
  const open = request?.state === 'OPEN' ? request : null;
  const explained = explain({ assessment, label: contract.claim, decision, open });
  const evidence = row === null || known === null ? null : presentEvidence(row, evidenceOf(row, known.evidence));
  const failed = beside instanceof Error ? beside : null;
  return {
    ...key,
    present: row !== null && !isAbsent(row),
    contract,
    decidedBy: explained.decidedBy === null ? null : presentRule(explained.decidedBy),
    rules: explained.rules.map(presentRule),
    evidence: failed ?? evidence,
    history: history instanceof Error ? history : { ...history, firstPosition: decision?.firstPosition ?? null },
    stores: answers.map((own, i) => toAnswer(stores[i] ?? 'POSTGRES', own)),
    toHigh: explained.toHigh.map(presentRemedy),
    highNotBefore: iso(explained.highNotBefore),
    reprocessing: failed ?? (request === null ? null : presentRequest(request)),
    record: explained.record,
    reproduced: explained.reproduced,
  };
}

const iso = (at: Micros | null): string | null => (at === null ? null : microsToIso(at));

const presentRule = ({ reason, ...rule }: AppliedRule): AppliedRuleType => ({
  ...rule,
  reason: reason === null ? null : reasonOf(reason),
});

const presentRemedy = ({ reason, notBefore, ...remedy }: Remedy): RemedyType => ({
  ...remedy,
  reason: reasonOf(reason),
  notBefore: iso(notBefore),
});

const presentChange = (event: RecordedEvent): LevelChangeType => ({
  id: idOf(event),
  type: event.type,
  at: microsToIso(event.at),
  position: event.position,
  ofTheRow: event.businessKey !== null,
  store: event.store,
  run: event.run,
  levelBefore: event.levelBefore,
  levelAfter: event.levelAfter,
  reasons: event.reasons.map(reasonOf),
  scenarios: scenariosOf(event.decided),
  message: event.message,
});
