import { CDC_CAUSES, LEDGER_REASONS, REASONS } from '../words.js';

export interface Reason {
  readonly code: string;
  readonly message: string;
}

const known: Readonly<Record<string, string>> = { ...REASONS, ...LEDGER_REASONS, ...CDC_CAUSES };
const made = new Map<string, Reason>(Object.entries(known).map(([code, message]) => [code, { code, message }]));

/** A reason with its sentence. A code that this version has no sentence for (a newer pipeline's) is passed on. */
export function reasonOf(code: string): Reason {
  return made.get(code) ?? { code, message: describe(code) };
}

function describe(code: string): string {
  if (code.startsWith('EVIDENCE_MISSING_'))
    return `The result does not carry this piece of evidence: ${code.slice('EVIDENCE_MISSING_'.length)}.`;
  return 'This version of the server has no sentence for this code.';
}
