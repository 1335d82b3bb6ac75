/** What an entry of a key's history says of the rules that decided it. Pure. */
import { readDecided } from '../decision/decided.js';
import { reproduce } from '../decision/reproduce.js';

/** The scenarios that held then; null: not known, or it is not about the row. */
export const scenariosOf = (decided: string | null): readonly string[] | null =>
  decided === null ? null : (reproduce(readDecided(decided))?.rules.map(({ scenario }) => scenario) ?? null);
