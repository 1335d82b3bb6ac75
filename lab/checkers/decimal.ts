/** Exact decimals on big integers: the checkers' own arithmetic. `units` × 10^-`scale`. */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

export const ZERO: Decimal = { units: 0n, scale: 0 };

/** Digits, perhaps a point and more digits; nothing else was let through by the decoder. */
export function decimal(text: string): Decimal {
  const [whole = '0', fraction = ''] = text.split('.');
  return { units: BigInt(whole + fraction), scale: fraction.length };
}

const at = (value: Decimal, scale: number): bigint => value.units * 10n ** BigInt(scale - value.scale);

export function plus(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { units: at(a, scale) + at(b, scale), scale };
}

export function minus(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { units: at(a, scale) - at(b, scale), scale };
}

export const times = (a: Decimal, factor: bigint): Decimal => ({ units: a.units * factor, scale: a.scale });

export function compare(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale);
  const difference = at(a, scale) - at(b, scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export const mean = (a: Decimal, divisor: bigint): Decimal => ratio(a, { units: divisor, scale: 0 });

/** a / b at a scale of 8; a remainder of exactly one half goes to the even neighbour. Neither is negative, b not zero. */
export function ratio(a: Decimal, b: Decimal): Decimal {
  const scale = 8;
  const numerator = a.units * 10n ** BigInt(scale + b.scale);
  const denominator = b.units * 10n ** BigInt(a.scale);
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  const up = twice > denominator || (twice === denominator && quotient % 2n === 1n);
  return { units: up ? quotient + 1n : quotient, scale };
}

/** No exponent, no trailing zeros. */
export function plain({ units, scale }: Decimal): string {
  const digits = units.toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return fraction === '' ? whole : `${whole}.${fraction}`;
}
