import Table from 'cli-table3';

export type Scalar = string | number | boolean | null | undefined;
export type Row = Readonly<Record<string, Scalar>>;

export const shown = (value: Scalar): string => (value === null || value === undefined ? '-' : String(value));

export function table(head: readonly string[], rows: readonly (readonly Scalar[])[]): string {
  const made = new Table({ head: [...head], style: { head: [], border: [], compact: true } });
  for (const row of rows) made.push(row.map(shown));
  return made.toString();
}
