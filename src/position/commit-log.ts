import type { ConfidenceLevel, ProcessingEngine } from '../words.js';
import { next, type Micros, type Position } from './position.js';

/** Which result: the primary key of a row, a document, a change. */
export interface ResultKey {
  readonly kind: string;
  readonly businessKey: string;
  readonly engine: ProcessingEngine;
}

/** One string per key, for maps. The parts can't contain NUL. */
export const keyOf = (key: ResultKey): string => `${key.kind}\u0000${key.engine}\u0000${key.businessKey}`;

/** What the commit log says of a key it changed: enough to lower a claim before the change is readable elsewhere. */
export interface ChangedKey extends ResultKey {
  readonly cap: ConfidenceLevel;
  readonly reasons: readonly string[];
}

/** A row of the commit log without its documents: one accepted transaction. */
export interface CommitEntry {
  readonly position: Position;
  readonly nonce: string;
  /** The nonce of position − 1: a chain that a rewound or replaced Postgres can't continue. */
  readonly predecessor: string;
  readonly committedAt: Micros;
}

/** How far something has come in the log. */
export interface Reached {
  readonly position: Position;
  readonly nonce: string;
  readonly incarnation: string;
}

export type Link = 'next' | 'already-applied' | 'broken';

/**
 * Does `entry` continue the prefix that ends at `reached`? (contract.md §7: P = applied + 1 and the matching nonce.)
 * An older entry is a redelivery; anything else is a gap, a fork or another incarnation.
 */
export function link(reached: Reached, entry: CommitEntry & { readonly incarnation: string }): Link {
  if (entry.incarnation !== reached.incarnation) return 'broken';
  if (entry.position < reached.position) return 'already-applied';
  if (entry.position === reached.position) return entry.nonce === reached.nonce ? 'already-applied' : 'broken';
  return entry.position === next(reached.position) && entry.predecessor === reached.nonce ? 'next' : 'broken';
}
