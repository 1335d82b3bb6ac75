/** Equality of JSON values, whatever the order of their members. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = Object.entries(a);
  const right = b as Record<string, unknown>;
  return (
    left.length === Object.keys(right).length &&
    left.every(([name, value]) => Object.hasOwn(right, name) && equal(value, right[name]))
  );
}

/** Does `whole` hold every member of `some`? An answer shows the fields that were asked for. */
export const holds = (whole: Readonly<Record<string, unknown>>, some: Readonly<Record<string, unknown>>): boolean =>
  Object.entries(some).every(([name, value]) => Object.hasOwn(whole, name) && equal(whole[name], value));
