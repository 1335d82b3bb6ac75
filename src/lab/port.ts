/** What the lab mode needs of whoever runs the servers. It is off by default, and then absent from the schema. */

export type FaultState = 'OFF' | 'INJECTING' | 'ON' | 'HEALING';

export interface FaultStatus {
  /** Such as `kill kafka`. */
  readonly name: string;
  readonly state: FaultState;
  /** It is mended by itself then, ISO-8601; null: it is not on. */
  readonly healsAt: string | null;
  /** What went wrong when it was last broken or mended, for people; null: nothing. */
  readonly error: string | null;
}

/** A run of the lab (`tidemark lab run`) that was judged. */
export interface LabRunSummary {
  readonly id: string;
  readonly what: string;
  /** ISO-8601. */
  readonly date: string;
  /** true, false or unknown. */
  readonly verdict: string;
  readonly seed: number;
  readonly commit: string;
  readonly minutes: number;
  readonly faults: number;
  readonly claims: number;
  readonly falseClaims: number;
  readonly limitsMissed: number;
}

export interface FaultDesk {
  /** Empty while the servers are still starting. @throws AppError LAB_UNAVAILABLE (retryable) */
  faults(): Promise<readonly FaultStatus[]>;
  /** Begins it and does not wait for it. @throws AppError FAULT_UNKNOWN, FAULT_BUSY (retryable), LAB_UNAVAILABLE (retryable) */
  inject(name: string): Promise<FaultStatus>;
  /** Begins to mend it; mending what is not broken does nothing. @throws AppError FAULT_UNKNOWN, LAB_UNAVAILABLE (retryable) */
  heal(name: string): Promise<FaultStatus>;
  /** Those on this machine, the newest first. @throws AppError LAB_UNAVAILABLE (retryable) */
  runs(): Promise<readonly LabRunSummary[]>;
  /** The report of a run, one HTML page that needs nothing else; null: there is no such run. @throws AppError LAB_UNAVAILABLE (retryable) */
  report(id: string): Promise<string | null>;
}
