/**
 * Which rules a label comes from, with what each looked at and what it measured by: those that gave the row its cap when it was
 * written, and those that held when it was read. Pure.
 */
import type { Assessment, Contract } from '../contract/assess.js';
import { heldByCheckpoints, OVERDUE_INTERVALS, overdueMs } from '../contract/checkpoints.js';
import { capOf } from '../decision/decide.js';
import { readDecided } from '../decision/decided.js';
import { READ_TIME_RULES } from '../decision/read-rules.js';
import { reproduce } from '../decision/reproduce.js';
import { DECISION_TABLE, type DecisionRule } from '../decision/table.js';
import { microsToIso, type Micros } from '../position/position.js';
import { weakest, type ConfidenceLevel, type ProcessingEngine } from '../words.js';

type Facts = Readonly<Record<string, unknown>>;

export interface AppliedRule {
  /** WRITE: it gave the row its cap. READ: from the facts and the proof of this answer. */
  readonly stage: 'WRITE' | 'READ';
  /** As in `decisionTable`. */
  readonly scenario: string;
  readonly decision: string;
  /** null: it neither raises nor lowers. */
  readonly level: ConfidenceLevel | null;
  readonly reason: string | null;
  /** False: what it waited for has come since the row was written. */
  readonly holds: boolean;
  /** Without it the label would be higher, or (HIGH) nothing is stronger. */
  readonly deciding: boolean;
  readonly inputs: Facts;
  readonly thresholds: Facts;
}

type Found = Omit<AppliedRule, 'deciding'>;
type Described = Pick<DecisionRule, 'scenario' | 'decision' | 'level'>;

const described = (
  rules: readonly (Described & Pick<DecisionRule, 'engine' | 'reason'>)[],
  reason: string,
  engine: ProcessingEngine,
): Described | undefined =>
  rules.find((rule) => rule.reason === reason && (rule.engine === engine || rule.engine === 'ANY'));

const UNLISTED: Readonly<Record<string, string>> = {
  PROOF_UNAVAILABLE: 'the source of truth can not be asked',
};

const iso = (at: Micros | null | undefined): string | null => (at == null ? null : microsToIso(at));
const sinceMs = (now: Micros | null, at: Micros | null | undefined): number | null =>
  now === null || at == null ? null : Math.round((now - at) / 1000);

/** What a rule of reading looked at, and what it measured by. */
function measured(reason: string, input: Assessment): { readonly inputs: Facts; readonly thresholds: Facts } {
  const { row, pipeline, proof, pending, applied, now, bounds } = input;
  const checkpoints = pipeline?.checkpoints ?? null;
  const lag = applied === 'unknown' ? null : applied;
  switch (reason) {
    case 'PIPELINE_STOPPED':
      return {
        inputs: {
          final: row?.final ?? null,
          state: pipeline?.state ?? null,
          lastHeartbeatAt: iso(pipeline?.lastHeartbeatAt),
          silentMs: sinceMs(now, pipeline?.lastHeartbeatAt),
        },
        thresholds: { silentMs: bounds.pipelineSilentMs + overdueMs(checkpoints) },
      };
    case 'CHECKPOINT_OVERDUE':
      return {
        inputs: {
          provenAt: iso(checkpoints?.provenAt),
          sinceMs: sinceMs(now, checkpoints?.provenAt),
          intervalMs: checkpoints?.intervalMs ?? null,
        },
        thresholds: { intervals: OVERDUE_INTERVALS, sinceMs: overdueMs(checkpoints) },
      };
    case 'ROLLBACK_UNCONFIRMED':
      return {
        inputs: {
          run: row?.run ?? null,
          epoch: row?.epoch ?? null,
          coverage: row?.coverage ?? null,
          currentRun: checkpoints?.run ?? null,
          lineage: checkpoints?.lineage ?? [],
          progress: checkpoints?.progress ?? {},
        },
        thresholds: {},
      };
    case 'RESTART_DUPLICATION':
      return {
        inputs:
          row === null
            ? { resumed: pipeline?.resumed ?? null, resumedUntil: pipeline?.resumedUntil ?? null }
            : { run: row.run, owners: pipeline?.owners ?? {}, coverage: row.coverage },
        thresholds: {},
      };
    case 'VIOLATION_OUTPUT_GAP':
      return {
        inputs: {
          run: row?.run ?? null,
          resultOffset: row?.resultOffset ?? null,
          lossOffset: pipeline?.lossOffset ?? null,
          gapRuns: pipeline?.gapRuns ?? [],
        },
        thresholds: {},
      };
    case 'STORE_BEHIND':
      return {
        inputs: {
          changedAt: text(pending?.position),
          appliedPosition: text(lag?.position),
          ageMs: sinceMs(now, lag?.committedAt),
        },
        thresholds: { staleMs: bounds.staleMs },
      };
    case 'POSITION_UNKNOWN':
      return {
        inputs: {
          appliedPosition: text(lag?.position),
          rowPosition: text(row?.position),
          provenPosition: text(proof?.position),
          floor: text(proof?.floor),
          sameHistory: lag === null || proof === null ? null : lag.incarnation === proof.incarnation,
        },
        thresholds: {},
      };
    default:
      return { inputs: {}, thresholds: {} };
  }
}

const text = (position: bigint | null | undefined): string | null => (position == null ? null : String(position));

/** Those that gave the row its cap. @param decided null: not known, so the reasons alone tell */
function written(input: Assessment, label: Contract, decided: string | null): Found[] {
  const { row, engine } = input;
  if (row === null) return [];
  const again = decided === null ? null : reproduce(readDecided(decided));
  const seen = new Map<string, string>(Object.entries(again?.observed ?? {}));
  const lifted = (reason: string | null): boolean => reason !== null && !label.reasons.includes(reason);
  const rules = (again?.rules ?? []).map((rule): Found => ({
    stage: 'WRITE',
    scenario: rule.scenario,
    decision: rule.decision,
    level: rule.level,
    reason: rule.reason,
    holds: !lifted(rule.reason),
    inputs: Object.fromEntries(Object.keys(rule.when).map((word) => [word, seen.get(word) ?? null])),
    thresholds: {},
  }));
  const told = new Set(rules.map(({ reason }) => reason));
  const held = row.reasons
    .filter((reason) => !told.has(reason))
    .map((reason): Found => {
      const words = described([...DECISION_TABLE, ...READ_TIME_RULES], reason, engine);
      return {
        stage: 'WRITE',
        scenario: words?.scenario ?? reason,
        decision: words?.decision ?? '',
        level: capOf([reason]),
        reason,
        holds: !lifted(reason),
        inputs: again === null ? {} : { heldFromBefore: true },
        thresholds: {},
      };
    });
  return [...rules, ...held];
}

/** Those that held when it was read. */
function read(input: Assessment, label: Contract): Found[] {
  const { row, engine, pending } = input;
  const levels = new Map<string, ConfidenceLevel>();
  for (const { level, reason } of heldByCheckpoints(input))
    levels.set(reason, weakest(level, levels.get(reason) ?? 'HIGH'));
  const own = row?.reasons ?? [];
  return label.reasons
    .filter((reason) => !own.includes(reason))
    .map((reason): Found => {
      const words = described([...READ_TIME_RULES, ...DECISION_TABLE], reason, engine);
      const ofChange = label.reasons.includes('STORE_BEHIND') && (pending?.reasons.includes(reason) ?? false);
      const { inputs, thresholds } = measured(reason, input);
      return {
        stage: 'READ',
        scenario: words?.scenario ?? UNLISTED[reason] ?? reason,
        decision: words?.decision ?? 'at most EVENTUALLY_CONSISTENT',
        level: levels.get(reason) ?? words?.level ?? 'EVENTUALLY_CONSISTENT',
        reason,
        holds: true,
        inputs: ofChange ? { ...inputs, ofTheChangeAt: text(pending?.position) } : inputs,
        thresholds,
      };
    });
}

const plainly = (scenario: string, decision: string, level: ConfidenceLevel, inputs: Facts): Found => ({
  stage: 'READ',
  scenario,
  decision,
  level,
  reason: null,
  holds: true,
  inputs,
  thresholds: {},
});

/** What has no reason of its own. */
function unreasoned(input: Assessment, label: Contract): Found[] {
  const { row, now, proof, pipeline, engine } = input;
  const out: Found[] = [];
  if (row === null && engine === 'FLINK')
    out.push(
      plainly('no such result, and nothing says that one is missing', 'the absence is proven', 'HIGH', {
        provenPosition: text(proof?.position),
      }),
    );
  if (row?.reasons.includes('EPOCH_OPEN') === true && !label.reasons.includes('EPOCH_OPEN'))
    out.push(
      plainly('the checkpoint that it waited for has completed', 'EPOCH_OPEN no longer holds', 'HIGH', {
        epoch: row.epoch,
        completedCheckpoint: pipeline?.checkpoints?.completed ?? null,
      }),
    );
  if (now === null || label.asOf === null)
    out.push(
      plainly('the age of the answer is not known', 'never HIGH', 'EVENTUALLY_CONSISTENT', {
        now: iso(now),
        asOf: iso(label.asOf),
      }),
    );
  return out;
}

/** All rules that made the label, the deciding one marked: the first of those that allow no more. */
export function rulesOf(input: Assessment, label: Contract, decided: string | null): AppliedRule[] {
  const found = [...written(input, label, decided), ...read(input, label), ...unreasoned(input, label)];
  const deciding = found.findIndex(({ level, holds }) => holds && level === label.confidenceLevel);
  return found.map((rule, i) => ({ ...rule, deciding: i === deciding }));
}

/** The level that these rules allow together: the label's. */
export const levelOf = (rules: readonly AppliedRule[]): ConfidenceLevel =>
  rules
    .flatMap(({ level, holds }) => (holds && level !== null ? [level] : []))
    .reduce<ConfidenceLevel>(weakest, 'HIGH');
