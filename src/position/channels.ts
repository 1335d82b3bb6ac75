/**
 * What Postgres tells its listeners when a transaction commits (NOTIFY). It says that there is something to read, not what: who
 * missed it (a cut connection) loses nothing, and reads on from where it was.
 */
/** Events of this transaction can be read. */
export const EVENTS_CHANNEL = 'tidemark_events';
/** Results that this transaction changed can be read. */
export const CHANGES_CHANNEL = 'tidemark_changes';
