/** What the table written by hand says of a combination of words. It knows nothing of src/decision. */
import { readCsv, speaksOf, type CsvRow } from './csv.js';

export const ROWS = readCsv('./decision-table.csv');

const byBeginning = new Map<string, CsvRow[]>();
/** The rows of an engine and an arrival: most of the table is out of the question at once. */
function rowsOf(words: Readonly<Record<string, string | readonly string[]>>): CsvRow[] {
  const [engine, arrival] = [String(words['engine']), String(words['arrival'])];
  const id = `${engine} ${arrival}`;
  let rows = byBeginning.get(id);
  if (rows === undefined) byBeginning.set(id, (rows = ROWS.filter((row) => speaksOf(row, { engine, arrival }))));
  return rows;
}

export interface Outcome {
  readonly postgres: 'upsert' | 'confirm' | 'stable' | 'refuse';
  /** keeps: the stored row's own. */
  readonly level: string;
  readonly reasons: readonly string[];
  readonly stale: boolean;
  readonly request: boolean;
  /** Why it was refused, for the ledger of refusals. */
  readonly refusal: string | null;
}

const LEVELS = ['LOW', 'EVENTUALLY_CONSISTENT', 'HIGH'];
const lowest = (rows: readonly CsvRow[]): string =>
  LEVELS.find((level) => rows.some((row) => row['level'] === level)) ?? 'keeps';
const reasonsIn = (rows: readonly CsvRow[]): string[] => [
  ...new Set(rows.flatMap((row) => (row['reason'] === '' ? [] : [row['reason'] ?? '']))),
];
const asks = (rows: readonly CsvRow[]): boolean => rows.some((row) => row['request'] === 'yes');

/**
 * @param words of one record, `missing` being a list
 * @param found what the taint was for
 */
export function expected(words: Readonly<Record<string, string | readonly string[]>>, found: string): Outcome {
  const all = rowsOf(words).filter((row) => speaksOf(row, words));
  const of = (postgres: string): CsvRow[] => all.filter((row) => row['postgres'] === postgres);
  const alone = all.filter((row) => row['holds'] === 'alone');
  const key = alone.length > 0 ? [] : all.filter((row) => row['holds'] === 'key');
  const tainted = words['tainted'] === 'YES' ? [found] : [];
  const none = { stale: false, refusal: null };
  if (of('refuse').length > 0) {
    const why = of('refuse');
    const holding = [...(alone.length > 0 ? alone : why), ...key];
    const refusal = reasonsIn(why)[0] ?? why[0]?.['refusal'] ?? null;
    return {
      ...none,
      postgres: 'refuse',
      level: lowest(holding),
      reasons: reasonsIn(holding),
      request: asks(holding),
      refusal,
    };
  }
  if (of('confirm').length > 0) {
    const weaker = of('upsert').filter((row) => row['level'] !== 'HIGH');
    const reasons = [...new Set([...reasonsIn(weaker), ...tainted])];
    return { ...none, postgres: 'confirm', level: lowest(weaker), reasons, request: asks(weaker) };
  }
  if (of('stable').length > 0) {
    return { ...none, postgres: 'stable', level: lowest(key), reasons: reasonsIn(key), request: asks(key) };
  }
  const rows = of('upsert');
  const stale = rows.some((row) => row['stale'] === 'yes');
  const reasons = [...new Set([...reasonsIn(rows), ...tainted])];
  return { postgres: 'upsert', level: lowest(rows), reasons, stale, request: asks(rows), refusal: null };
}
