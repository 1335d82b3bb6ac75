import type { CrashPoint } from '../../src/ingest/commit.js';

/** Where a batch can be broken in on, in the order in which it meets them. */
export const POINTS = ['polled', 'copied', 'locked', 'written', 'committed', 'kafka-committed'] as const;
export type Point = (typeof POINTS)[number];
/** Every point of the transaction is one of them. */
type _Complete = CrashPoint extends Point ? true : never;
export const COMPLETE: _Complete = true;

export type Fault =
  | { readonly kind: 'kill' | 'stop'; readonly at: Point; readonly nth: number }
  | { readonly kind: 'hold'; readonly at: Point; readonly nth: number; readonly holdMs: number };

export interface IngestProgram {
  readonly brokers: string;
  readonly postgresUrl: string;
  readonly group: string;
  readonly maxBytes: number;
  readonly drainMs: number;
  /** Limit of a statement; that of the server if it is not given. */
  readonly statementMs?: number;
  readonly fault?: Fault;
  /** Says again and again how much memory is in use after a collection; needs --expose-gc. */
  readonly memory?: boolean;
}

export type Said =
  | { readonly type: 'joined' }
  | { readonly type: 'draining' }
  | { readonly type: 'fault'; readonly at: Point }
  | {
      readonly type: 'committed';
      readonly partition: number;
      readonly consumed: number;
      readonly position: number | null;
    }
  | { readonly type: 'troubles'; readonly troubles: readonly string[] }
  | { readonly type: 'memory'; readonly bytes: number }
  | { readonly type: 'log'; readonly level: string; readonly message: string };
