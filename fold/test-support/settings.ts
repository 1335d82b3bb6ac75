import type { Settings } from '../settings.js';

/** The settings of the contract (§4), for tests: the same as the oracle's defaults (test/oracle/fold.py). */
export const SETTINGS: Settings = {
  sourceTopic: 'orders.events',
  windowMs: 300_000,
  latenessMs: 60_000,
  watermarkDelayMs: 10_000,
  emitIntervalMs: 1_000,
  poisonSkewMs: 60_000,
  largeOrderQuantity: 500,
  highAmount: '100000000',
  priceSpikePercent: '5',
  rapidOrders: 4,
  rapidWindowMs: 10_000,
};
