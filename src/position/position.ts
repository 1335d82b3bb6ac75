/**
 * A position is the number of a Postgres ingest transaction: gapless, in commit order, the one order of all accepted
 * writes (contract.md §1). Branded, so that an offset or an LSN can't be taken for one.
 */
export type Position = bigint & { readonly __brand: 'Position' };

/** Before the first transaction. */
export const ORIGIN = 0n as Position;

/** @throws RangeError when `value` is not a non-negative integer */
export function position(value: bigint | number | string): Position {
  const parsed = BigInt(value);
  if (parsed < 0n) throw new RangeError(`a position is never negative: ${parsed}`);
  return parsed as Position;
}

/** The position that must come next; a projection accepts no other (contract.md §7). */
export const next = (p: Position): Position => (p + 1n) as Position;

export const minPosition = (a: Position, b: Position): Position => (a < b ? a : b);
export const maxPosition = (a: Position, b: Position): Position => (a > b ? a : b);

/** Microseconds since the Unix epoch by Postgres' clock, as a number: exact until the year 2255. */
export type Micros = number & { readonly __brand: 'Micros' };
export const micros = (value: number | string): Micros => Number(value) as Micros;
/** Rounded down to the millisecond: an `asOf` may be too early, never too late. */
export const microsToIso = (value: Micros): string => new Date(Math.floor(value / 1000)).toISOString();
