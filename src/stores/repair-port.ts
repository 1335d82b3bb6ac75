/** What the auditor asks of a read model (docs/adr/0018): a part of `port.ts`, by which everybody else knows it. */
import type { Position } from '../position/position.js';
import type { ProcessingEngine } from '../words.js';
import type { StoredResult } from './port.js';

/** A part of what a read model holds of one kind and engine, in the order of the business keys by their bytes. */
export interface ScanRange {
  readonly kind: string;
  readonly engine: ProcessingEngine;
  /** Only keys after it; '' is before all. */
  readonly after: string;
  /** At least 1, at most 5,000. */
  readonly limit: number;
}

/** What lies where the document of a key belongs. Deleted and expired ones lie there, too. */
export interface Scanned {
  readonly businessKey: string;
  /** null: it is no document of this key (any more). */
  readonly result: StoredResult | null;
}

/** What belongs under the key of `document`. */
export interface Repair {
  readonly document: StoredResult;
  /** The position of what was found there, though nothing of that position is true; null: nothing was, or it has none. */
  readonly over: Position | null;
}
