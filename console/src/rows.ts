/** From answers to the rows of a table. Pure. */
import type { ConfidenceLevel } from '../../client/index.js';
import { CONFIDENCE_LEVELS } from '../../client/index.js';
import type { Connection, KeysData, ResultNode, StoreAnswer, Values } from './queries.js';

/** Both engines' results, the newest change first; ties by key, so that rows don't change places for nothing. */
export function resultsOf(data: KeysData): ResultNode[] {
  const of = (connection: Connection | null | undefined): ResultNode[] =>
    connection?.edges.map(({ node }) => node) ?? [];
  return [...of(data.flink), ...of(data.kafkaOnly)].sort(
    (a, b) => compare(b.updatedAt, a.updatedAt) || compare(a.businessKey, b.businessKey) || compare(a.engine, b.engine),
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export type Counts = Readonly<Record<ConfidenceLevel, number>>;

export function countsOf(levels: readonly ConfidenceLevel[]): Counts {
  const counts: Record<ConfidenceLevel, number> = { HIGH: 0, EVENTUALLY_CONSISTENT: 0, LOW: 0 };
  for (const level of levels) counts[level] += 1;
  return counts;
}

/** `87 HIGH, 10 EVENTUAL, 3 LOW of 100`. */
export const countsInWords = (counts: Counts, name: (level: ConfidenceLevel) => string): string =>
  CONFIDENCE_LEVELS.map((level) => `${counts[level]} ${name(level)}`).join(', ');

type Leaf = { readonly value: unknown } | undefined;
const text = (node: ResultNode, field: string): string => inWords((node[field] as Leaf)?.value ?? null);

/** What a result says, in one line. */
export function valueInWords(node: ResultNode): string {
  const { value } = node.shown;
  switch (node.kind) {
    case 'order_window':
      return `${inWords(value)} orders (${text(node, 'ordersBuy')} buy, ${text(node, 'ordersSell')} sell), total ${text(node, 'totalAmount')}`;
    case 'order':
      return `${text(node, 'symbol')}: ${text(node, 'side')} ${text(node, 'quantity')} @ ${text(node, 'price')}, ${inWords(value)}`;
    default:
      return `${text(node, 'symbol')}: ${inWords(value)}, limit ${text(node, 'threshold')}`;
  }
}

/** A value as it stands. */
export function inWords(value: unknown): string {
  if (value === null || value === undefined) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export interface ComparedField {
  readonly field: string;
  /** One per column; null: that column has no value at all. */
  readonly cells: readonly (string | null)[];
  /** Do the columns that have a value disagree? */
  readonly differs: boolean;
}

/** Field by field, side by side. @param columns a value each; null: there is none */
export function comparedFields(columns: readonly (Values | null)[]): ComparedField[] {
  const fields = [...new Set(columns.flatMap((column) => Object.keys(column ?? {})))];
  return fields.map((field) => {
    const cells = columns.map((column) => (column === null ? null : inWords(column[field])));
    return { field, cells, differs: new Set(cells.filter((cell) => cell !== null)).size > 1 };
  });
}

/** What a store holds, in a word. */
export function holdingInWords({ available, present, deleted }: StoreAnswer): string {
  if (!available) return 'did not answer';
  if (!present) return 'has none';
  return deleted ? 'holds it, deleted' : 'holds it';
}
