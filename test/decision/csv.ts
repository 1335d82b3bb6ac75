/** A CSV of words: no quotes, no commas in a cell; `#` begins a remark. */
import { readFileSync } from 'node:fs';

export type CsvRow = Readonly<Record<string, string>>;

export function readCsv(name: string): CsvRow[] {
  const lines = readFileSync(new URL(name, import.meta.url), 'utf8').split('\n');
  const [head, ...rows] = lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split(','));
  const columns = head ?? [];
  return rows.map((cells) => {
    if (cells.length !== columns.length)
      throw new Error(`${cells.length} cells, not ${columns.length}: ${cells.join()}`);
    return Object.fromEntries(columns.map((column, i) => [column, cells[i] ?? '']));
  });
}

const cells = new Map<string, readonly string[]>();
function among(cell: string): readonly string[] {
  let words = cells.get(cell);
  if (words === undefined) cells.set(cell, (words = cell.split('|')));
  return words;
}

/** Does the row speak of these words? */
export function speaksOf(row: CsvRow, words: Readonly<Record<string, string | readonly string[]>>): boolean {
  return Object.entries(words).every(([column, word]) => {
    const cell = row[column] ?? '*';
    if (cell === '*') return true;
    return typeof word === 'string' ? among(cell).includes(word) : word.includes(cell);
  });
}
