/** Words that several rows of the decision table share. */
import type { Observation } from './observe.js';

export const CDC = 'CDC applied';
export const UNCHANGED = 'unchanged';

type Words<W extends keyof Observation> = readonly Observation[W][];

/** Emitted by the engine, not by who recomputes from the source. */
export const ENGINE: Words<'arrival'> = ['IN_ORDER', 'LATE'];
/** Part of what the record's run was restored with, or its own. */
export const ON_LINEAGE: Words<'stored'> = ['SAME_RUN', 'ANCESTOR'];
/** Not sent before. */
export const FRESH: Words<'seq'> = ['GAPLESS', 'GAP_BEFORE', 'MISSING'];
/** Nothing was lost before it, as far as the numbers tell. */
export const NO_GAP: Words<'seq'> = ['GAPLESS', 'MISSING'];
/** Coverage and value equal. A window that is open again in another run's eyes is not taken back. */
export const EQUAL: Words<'compared'> = ['SAME', 'REOPENING'];
