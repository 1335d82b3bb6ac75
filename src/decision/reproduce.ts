/** From what is written down with a row to its cap and its reasons again, by the same functions that decided them. Pure. */
import type { ConfidenceLevel } from '../words.js';
import { capBy, capOf, matching, reasonsOf } from './decide.js';
import { decodeObserved, TABLE } from './decided.js';
import type { Observation } from './observe.js';
import type { Decided } from './state.js';
import type { DecisionRule } from './table.js';

export interface Reproduced {
  readonly cap: ConfidenceLevel;
  readonly reasons: readonly string[];
  /** The rules that held, in the table's order. */
  readonly rules: readonly DecisionRule[];
  /** null: no record made the row. */
  readonly observed: Observation | null;
}

/** null: it was decided by the table of another release. */
export function reproduce({ table, observed, held }: Decided): Reproduced | null {
  if (table !== TABLE) return null;
  if (observed === null) return { cap: capOf(held), reasons: held, rules: [], observed: null };
  const seen = decodeObserved(observed);
  if (seen === null) return null;
  const rules = matching(seen);
  const own = reasonsOf(rules);
  const reasons = [...own, ...held.filter((reason) => !own.includes(reason))];
  return { cap: capBy(rules, reasons), reasons, rules, observed: seen };
}
