/** The server's words in those of its readers. Pure. */
import { adviceFor, CLIENT_REASONS, CONFIDENCE_LEVELS, type ConfidenceLevel } from '../../client/index.js';
import type { LabFault, LabRun } from './queries.js';

export interface LevelWords {
  /** Told apart without colours. */
  readonly glyph: string;
  readonly name: string;
  readonly meaning: string;
}

export const LEVELS: Readonly<Record<ConfidenceLevel, LevelWords>> = {
  HIGH: { glyph: '●', name: 'HIGH', meaning: 'Equals all events of its key, and is the newest.' },
  EVENTUALLY_CONSISTENT: {
    glyph: '◐',
    name: 'EVENTUALLY CONSISTENT',
    meaning: 'May be behind or provisional; mends itself.',
  },
  LOW: { glyph: '○', name: 'LOW', meaning: 'May be wrong, and does not mend itself.' },
};

export const isLevel = (word: string | undefined): word is ConfidenceLevel =>
  CONFIDENCE_LEVELS.some((level) => level === word);

const ADVICE_WORDS = {
  WAIT: 'It mends itself.',
  ASK_STRICTER: 'Another store may know better, and it mends itself.',
  NOTHING: 'Neither waiting nor asking again helps.',
} as const;

export const adviceInWords = (code: string): string => ADVICE_WORDS[adviceFor(code)];

/** The server's sentence for a code; a code that the page has added itself has one of the client library. */
export function reasonInWords(
  code: string,
  reasons: readonly { readonly code: string; readonly message: string }[],
): string {
  const said = reasons.find((reason) => reason.code === code)?.message;
  return said ?? (CLIENT_REASONS as Readonly<Record<string, string>>)[code] ?? code;
}

export const STORE_NAMES: Readonly<Record<string, string>> = {
  POSTGRES: 'PostgreSQL',
  MONGODB: 'MongoDB',
  ELASTICSEARCH: 'Elasticsearch',
  CLICKHOUSE: 'ClickHouse',
};
export const ENGINE_NAMES: Readonly<Record<string, string>> = { KAFKA_ONLY: 'Kafka-only', FLINK: 'Flink' };
export const KINDS = ['order_window', 'order', 'anomaly'] as const;
export const KIND_NAMES: Readonly<Record<string, string>> = {
  order_window: 'Windows of orders',
  order: 'Orders',
  anomaly: 'Anomalies',
};

const STATES: Readonly<Record<string, string>> = {
  RUNNING: 'runs',
  STOPPING: 'is stopping',
  SILENT: 'is silent: no heartbeat for too long',
  LSO_BLOCKED: 'completes checkpoints, and nothing of it can be seen (a hanging transaction)',
};
export const stateInWords = (state: string): string => STATES[state] ?? state;

/** `CONFIDENCE_LOWERED` → `Confidence lowered`. */
export const typeInWords = (type: string): string => {
  const words = type.toLowerCase().replaceAll('_', ' ').replace('cdc', 'CDC');
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** How the two engines compare. */
export const VERDICTS: Readonly<Record<string, string>> = {
  EQUAL: 'Both engines have the same value.',
  DIFFERENT: 'The two engines have different values.',
  ONE_MISSING: 'Only one of the engines has a value.',
  BOTH_MISSING: 'Neither engine has a value for this key.',
};

/** Who has to do something for a higher level. */
export const ACTORS: Readonly<Record<string, string>> = {
  ITSELF: 'by itself',
  STORE: 'the store, by itself',
  REPROCESSING: 'recomputing it from the source',
  PIPELINE: 'whoever runs the pipeline',
  OPERATOR: 'whoever runs the servers',
  NOBODY: 'nobody can: it stays',
};

export const reproducedInWords = (reproduced: boolean | null): string => {
  if (reproduced === null) return 'Not derived again: why it was given its cap is not known.';
  return reproduced ? '✓ Derived again from its record alone, it is the same.' : '✗ Derived again it differs: a bug.';
};

/** What a fault of the lab mode does, and how it stands. */
export function faultInWords({ name, state, healsAt }: LabFault): string {
  const [what = '', who] = name.split(' ');
  const said = `${what.replaceAll('-', ' ')}${who === undefined ? '' : ` ${who}`}`;
  switch (state) {
    case 'OFF':
      return said;
    case 'INJECTING':
      return `${said}: begins`;
    case 'HEALING':
      return `${said}: is being mended`;
    default:
      return `${said}: on${healsAt === null ? '' : `, until ${healsAt.slice(11, 19)} UTC`}`;
  }
}

/** By whom they hit; what names nobody hits the change data capture. */
export function faultGroups(faults: readonly LabFault[]): [victim: string, faults: LabFault[]][] {
  const groups = new Map<string, LabFault[]>();
  for (const fault of faults) {
    const victim = fault.name.split(' ')[1] ?? 'change data capture';
    groups.set(victim, [...(groups.get(victim) ?? []), fault]);
  }
  return [...groups];
}

const RUN_VERDICTS: Readonly<Record<string, string>> = { true: '✓ true', false: '✗ false', unknown: '? unknown' };

/** Why a run in which nothing was false may still not be true is said with it. */
export function verdictInWords({ verdict, falseClaims, limitsMissed }: LabRun): string {
  const word = RUN_VERDICTS[verdict] ?? verdict;
  if (falseClaims > 0 || limitsMissed === 0) return word;
  return `${word}: ${limitsMissed} limits of usefulness missed`;
}
