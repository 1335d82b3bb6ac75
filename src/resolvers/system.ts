/** What the server says of its own parts. */
import { Ctx, Query, Resolver } from 'type-graphql';
import { AppError } from '../errors.js';
import { LateStaleness } from '../contract/staleness.js';
import { within } from '../contract/limit.js';
import { microsToIso, type Micros, type Position } from '../position/position.js';
import type { Proof } from '../contract/proof-port.js';
import { DecisionRule, LivenessStatus, PipelineStatus, ServerInfo, StoreStatus } from '../schema/system-types.js';
import type { RequestContext, Services, StoreHealth } from './context.js';
import { pipelineStatuses } from './pipelines.js';

/** Longer than a store may take to answer, shorter than a request may. */
const STATUS_MS = 2000;
const iso = (at: Micros | null): string | null => (at === null ? null : microsToIso(at));

@Resolver()
export class SystemResolver {
  @Query(() => [StoreStatus], { nullable: true, description: 'How the stores are, and how far each has come.' })
  async stores(@Ctx() { reader, services }: RequestContext): Promise<StoreStatus[]> {
    const late = (): AppError =>
      new AppError('STORE_UNAVAILABLE', `The stores did not say within ${STATUS_MS} ms how they are. Try again.`, {
        retryable: true,
        outcome: 'none',
      });
    const asked = within(services.storeStatuses(), STATUS_MS, late);
    const [proof, statuses] = await Promise.all([reader.proof(), asked]);
    return statuses.map((status) => storeStatus(services, status, proof));
  }

  @Query(() => [PipelineStatus], { description: 'What is known of the pipelines; empty when none was ever heard of.' })
  async pipelines(@Ctx() { reader, services }: RequestContext): Promise<PipelineStatus[]> {
    const proof = (await reader.proof()) ?? services.observed.lastProof;
    const { proofs, bounds, pipelineFigures } = services;
    return pipelineStatuses(proof?.pipelines ?? [], proofs.now(), bounds.pipelineSilentMs, pipelineFigures);
  }

  @Query(() => [LivenessStatus], {
    description:
      'Whether each part of the path goes on, as this server saw it within the last second: idle is told from stalled.',
  })
  liveness(@Ctx() { services }: RequestContext): LivenessStatus[] {
    return services.liveness().map((one) => {
      // What a condition says of a pipeline is more than what it is at.
      const [condition] = services.pipelineFigures(one.subject)?.conditions ?? [];
      return { ...one, state: condition ?? one.state, since: iso(one.since) };
    });
  }

  @Query(() => [DecisionRule], { description: 'Which confidence a result gets, and why.' })
  decisionTable(@Ctx() { services }: RequestContext): DecisionRule[] {
    return services.decisionTable.map((rule) => ({
      scenario: rule.scenario,
      engine: rule.engine,
      postgres: rule.postgres,
      mongodb: rule.readModels,
      elasticsearch: rule.readModels,
      clickhouse: rule.readModels,
      level: rule.level,
      reason: rule.reason,
      decision: rule.decision,
    }));
  }

  @Query(() => ServerInfo)
  async serverInfo(@Ctx() { reader, services }: RequestContext): Promise<ServerInfo> {
    const proof = await reader.proof();
    const known = proof ?? services.observed.lastProof;
    return {
      version: services.version,
      incarnation: known?.incarnation ?? null,
      position: proof?.position ?? null,
      time: iso(services.proofs.now()),
      stores: reader.stores,
      lab: services.faults !== null,
      engines: [...new Set(known?.pipelines.map((fact) => fact.engine) ?? [])],
    };
  }
}

function storeStatus(services: Services, status: StoreHealth, proof: Proof | null): StoreStatus {
  const truth = status.store === 'POSTGRES';
  const applied = truth ? (proof?.position ?? null) : status.appliedPosition;
  const asOf = truth ? (proof?.committedAt ?? null) : status.appliedCommittedAt;
  const now = services.proofs.now();
  return {
    store: status.store,
    healthy: status.healthy,
    appliedPosition: applied,
    // Heartbeats take positions too, and put nobody behind: only transactions that changed a result count.
    behindBy: changesAfter(proof, applied),
    stalenessMs: new LateStaleness(services.clock, asOf, now),
    measuredAt: iso(now),
    detail: status.detail,
  };
}

function changesAfter(proof: Proof | null, applied: Position | null): bigint | null {
  const changes = proof === null || applied === null ? null : proof.changesAfter(applied);
  return changes === null ? null : BigInt(changes);
}
