/** A link on which everything takes longer, in both directions. */
import type { Fault, VictimName } from './fault.js';
import type { Link } from './link.js';

const LATENCY_MS = 250;

/** @param to what lies behind it */
export const slowLink = (to: VictimName, link: Link): Fault => ({
  name: `slow-link ${to}`,
  inject: async () => link.slow(LATENCY_MS),
  heal: async () => link.heal(),
  isActive: async () => link.isTroubled,
});
