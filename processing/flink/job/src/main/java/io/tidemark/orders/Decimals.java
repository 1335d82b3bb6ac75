package io.tidemark.orders;

import java.math.BigDecimal;
import java.math.RoundingMode;

/** Exact decimals; where a division needs a scale it is 8, HALF_EVEN. */
final class Decimals {
  private static final int SCALE = 8;

  private Decimals() {}

  /** No exponent, no trailing zeros: the one spelling of a number on the wire. */
  static String canonical(BigDecimal value) {
    return value.signum() == 0 ? "0" : value.stripTrailingZeros().toPlainString();
  }

  static BigDecimal divide(BigDecimal a, BigDecimal b) {
    return a.divide(b, SCALE, RoundingMode.HALF_EVEN);
  }
}
