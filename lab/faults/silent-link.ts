/** A link on which nothing arrives any more, and nobody is told: a pulled cable. */
import type { Fault, VictimName } from './fault.js';
import type { Link } from './link.js';

/** @param to what lies behind it */
export const silentLink = (to: VictimName, link: Link): Fault => ({
  name: `silent-link ${to}`,
  inject: async () => link.silence(),
  heal: async () => link.heal(),
  isActive: async () => link.isTroubled,
});
