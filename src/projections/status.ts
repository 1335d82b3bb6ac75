import type { AppError } from '../errors.js';
import type { Applied } from '../stores/port.js';
import type { Store } from '../words.js';

/**
 * starting: not owning the CDC partition yet, or between two tries (then `error` says why).
 * blocked: a record or a change can't be applied; nothing is skipped, and nothing goes on until a restart.
 */
export type ProjectionState = 'starting' | 'rebuilding' | 'running' | 'blocked' | 'stopped';

export interface RebuildProgress {
  /** Why the read model is made anew. */
  readonly reason: string;
  /** Copied so far, of the rows in the snapshot. */
  readonly rows: number;
  readonly total: number;
}

export interface ProjectionStatus {
  readonly store: Store;
  readonly state: ProjectionState;
  /** What this server knows of the store's applied position; null while another server owns the partition. */
  readonly applied: Applied | null;
  readonly error?: { readonly code: string; readonly message: string };
  readonly progress?: RebuildProgress;
}

export const errorOf = ({ code, message }: AppError): { code: string; message: string } => ({ code, message });
