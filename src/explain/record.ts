/**
 * All that a label follows from, as plain JSON (docs/adr/0017): what was read of the row, its pipeline and the clock, and why the row
 * has its cap. Whoever has it derives the label again by the functions that made it. Pure.
 */
import { assess, type AppliedPosition, type Assessment, type Contract } from '../contract/assess.js';
import { readDecided } from '../decision/decided.js';
import { reproduce } from '../decision/reproduce.js';
import { micros, position, type Position } from '../position/position.js';

/** As it travels in JSON: positions are text. */
type Plain<T> = T extends bigint
  ? string
  : T extends number
    ? number
    : T extends object
      ? { readonly [Name in keyof T]: Plain<T[Name]> }
      : T;

export interface LabelRecord {
  readonly version: 1;
  readonly assessment: Plain<Assessment>;
  /** Why the row has its cap (src/decision/decided.ts); null: not known of this very row, or there is none. */
  readonly decided: string | null;
}

const only = <T extends object, const Name extends keyof T>(from: T, names: readonly Name[]): Pick<T, Name> =>
  Object.fromEntries(names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]]]))) as Pick<T, Name>;
const orNull = <T extends object, R>(from: T | null, pick: (from: T) => R): R | null =>
  from === null ? null : pick(from);

const PLACE = ['position', 'incarnation', 'committedAt'] as const;
const ROW = [
  'kind',
  'businessKey',
  'engine',
  'cap',
  'reasons',
  'final',
  'stale',
  'lastCheckpointTime',
  'run',
  'epoch',
  'resultOffset',
  'verified',
  'coverage',
  'position',
] as const;
const PIPELINE = [
  'state',
  'lastHeartbeatAt',
  'lastCheckpointTime',
  'sourceAsOf',
  'owners',
  'gapRuns',
  'resumed',
  'resumedUntil',
  'lossOffset',
  'checkpoints',
] as const;

/** What `assess` looks at, and nothing else of the objects that it was given. */
const looked = ({ row, pipeline, proof, pending, applied, ...rest }: Assessment): Assessment => ({
  ...rest,
  row: orNull(row, (own) => only(own, ROW)),
  ...(pipeline === undefined ? {} : { pipeline: orNull(pipeline, (own) => only(own, PIPELINE)) }),
  proof: orNull(proof, (own) => only(own, [...PLACE, 'floor'])),
  pending: orNull(pending, (own) => only(own, ['position', 'cap', 'reasons'])),
  applied: typeof applied === 'string' ? applied : orNull(applied, (own) => only(own, PLACE)),
});

/** @param decided of the row as it was assessed; null: not known */
export const recordOf = (assessment: Assessment, decided: string | null): LabelRecord => ({
  version: 1,
  assessment: JSON.parse(
    JSON.stringify(looked(assessment), (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
  ) as Plain<Assessment>,
  decided,
});

type At = { readonly position: string };
const placed = <T extends At>(from: T): Omit<T, 'position'> & { readonly position: Position } => ({
  ...from,
  position: position(from.position),
});

const appliedOf = (from: Plain<AppliedPosition>): AppliedPosition => ({
  ...placed(from),
  committedAt: micros(from.committedAt),
});

/** The input of `assess` again. @throws RangeError when a position is none */
function assessmentOf({ row, pipeline, proof, pending, applied, ...rest }: Plain<Assessment>): Assessment {
  return {
    ...(rest as Omit<Assessment, 'row' | 'pipeline' | 'proof' | 'pending' | 'applied'>),
    row: orNull(row, placed),
    // Its times are numbers on both sides, and it has no positions.
    ...(pipeline === undefined ? {} : { pipeline: pipeline as NonNullable<Assessment['pipeline']> | null }),
    proof: orNull(proof, (own) => ({ ...appliedOf(own), floor: position(own.floor) })),
    pending: orNull(pending, placed),
    applied: typeof applied === 'string' ? applied : orNull(applied, appliedOf),
  };
}

/** What follows from a record alone. */
export interface Derived {
  readonly contract: Contract;
  /** Does the row's cap follow from why it has it? null: that is not known, or there is no row. */
  readonly capFollows: boolean | null;
}

export function derive({ assessment, decided }: LabelRecord): Derived {
  const input = assessmentOf(assessment);
  const { row } = input;
  const again = row === null || decided === null ? null : reproduce(readDecided(decided));
  return {
    contract: assess(input),
    capFollows:
      row === null || again === null ? null : again.cap === row.cap && again.reasons.join() === row.reasons.join(),
  };
}

/** Is this the label that follows from the record, and the row's cap, too? null: nothing is known of the cap. */
export function follows(label: Contract, record: LabelRecord): boolean | null {
  const { contract, capFollows } = derive(record);
  const same =
    contract.confidenceLevel === label.confidenceLevel &&
    contract.stale === label.stale &&
    contract.reasons.join() === label.reasons.join() &&
    contract.provenAt === label.provenAt &&
    contract.asOf === label.asOf;
  if (!same || capFollows === false) return false;
  return capFollows === null && record.assessment.row !== null ? null : true;
}
