/** One line of the demo. Pure. */
import type { Level, StoreName } from '../history/types.js';
import { inColour } from './ansi.js';

export interface Told {
  readonly value: number | null;
  readonly confidenceLevel: Level;
  readonly stalenessMs: number | null;
  readonly servedBy: StoreName;
  readonly reasons: readonly { readonly code: string }[];
}

const COLORS = { HIGH: 'green', EVENTUALLY_CONSISTENT: 'yellow', LOW: 'red' } as const;

/** @param told a text: why there is no answer */
export function rowOf(second: number, asked: string, told: Told | string): string {
  const start = `${String(second).padStart(3)}  ${asked.padEnd(9)}  `;
  if (typeof told === 'string') return `${start}${told}`;
  const { value, confidenceLevel, stalenessMs, servedBy, reasons } = told;
  const age = stalenessMs === null ? '?' : `${(stalenessMs / 1000).toFixed(1)} s`;
  const columns = [
    `${String(value ?? '–').padStart(4)} orders`,
    inColour(COLORS[confidenceLevel], confidenceLevel.padEnd(21)),
    servedBy.padEnd(8),
    age.padStart(6),
    reasons.map(({ code }) => code).join(' '),
  ];
  return `${start}${columns.join('  ')}`.trimEnd();
}
