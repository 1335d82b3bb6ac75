/** The words of the contract, as a client sees them on the wire. docs/CONTRACT.md says what each promises. */

/** Strongest first: the order of the tuple is the order of the levels. */
export const CONFIDENCE_LEVELS = ['HIGH', 'EVENTUALLY_CONSISTENT', 'LOW'] as const;
export type ConfidenceLevel = (typeof CONFIDENCE_LEVELS)[number];

/** Strictest first. */
export const CONSISTENCY_SCOPES = ['STRONG', 'EVENTUAL', 'SEARCH'] as const;
export type ConsistencyScope = (typeof CONSISTENCY_SCOPES)[number];

export type ProcessingEngine = 'KAFKA_ONLY' | 'FLINK';
export type Store = 'POSTGRES' | 'MONGODB' | 'ELASTICSEARCH' | 'CLICKHOUSE';

/** The least strict first. */
export const ON_UNMET = ['FALLBACK', 'WAIT', 'NULL', 'ERROR'] as const;
export type OnUnmet = (typeof ON_UNMET)[number];

/** The weaker of two levels. */
export const weakerLevel = (a: ConfidenceLevel, b: ConfidenceLevel): ConfidenceLevel =>
  CONFIDENCE_LEVELS.indexOf(a) >= CONFIDENCE_LEVELS.indexOf(b) ? a : b;

/** Is `level` at least as strong as `wanted`? */
export const levelMeets = (level: ConfidenceLevel, wanted: ConfidenceLevel): boolean =>
  CONFIDENCE_LEVELS.indexOf(level) <= CONFIDENCE_LEVELS.indexOf(wanted);

/** Is `scope` at least as strict as `wanted`? */
export const scopeMeets = (scope: ConsistencyScope, wanted: ConsistencyScope): boolean =>
  CONSISTENCY_SCOPES.indexOf(scope) <= CONSISTENCY_SCOPES.indexOf(wanted);
