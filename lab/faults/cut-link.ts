/** A link whose connections are reset, and which takes no new ones. */
import type { Fault, VictimName } from './fault.js';
import type { Link } from './link.js';

/** @param to what lies behind it */
export const cutLink = (to: VictimName, link: Link): Fault => ({
  name: `cut-link ${to}`,
  inject: async () => link.cut(),
  heal: async () => link.heal(),
  isActive: async () => link.isTroubled,
});
