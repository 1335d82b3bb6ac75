/**
 * Errors that say what is known after the failure. Every code has a line in docs/ERRORS.md.
 */
export type Outcome =
  /** it did not happen */ 'none' | /** it happened */ 'done' | /** nobody can tell yet */ 'unknown';

export interface AppErrorOptions {
  /** May the same call be made again with a chance of success? */
  readonly retryable: boolean;
  /** What is known about the effect of the call that failed. */
  readonly outcome: Outcome;
  readonly cause?: unknown;
  /** What clients are told beside the sentence, under `extensions`. Nothing of the inside. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An error with a stable public code. The message is one sentence that says what to do, where something can be done. */
export class AppError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly outcome: Outcome;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: AppErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryable = options.retryable;
    this.outcome = options.outcome;
    this.details = options.details ?? {};
  }
}

/** `value` as an Error, whatever was thrown. */
export const asError = (value: unknown): Error => (value instanceof Error ? value : new Error(String(value)));
