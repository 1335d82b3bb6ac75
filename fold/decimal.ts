import { Big } from 'big.js';

/** A constructor of our own, so that nobody else's global settings round our averages: scale 8, HALF_EVEN. */
export const Decimal = Big();
Decimal.DP = 8;
Decimal.RM = Decimal.roundHalfEven;
export type Decimal = Big;

export const ZERO = new Decimal(0);

/** No exponent, no trailing zeros: the one spelling of a number on the wire. */
export function canonical(value: Big): string {
  return value.toFixed();
}

/** Unweighted mean at scale 8. */
export function average(sum: Big, count: number): Big {
  return sum.div(count);
}
