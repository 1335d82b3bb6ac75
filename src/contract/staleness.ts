/**
 * `stalenessMs` is an upper bound *when the response is sent* (contract.md §9), but a field is resolved before: a slow
 * sibling may take a second more. So the number is an object until the response becomes text: `JSON.stringify` calls
 * `toJSON`, and the server stringifies in the same turn in which it hands the text to the socket (server/graphql-route).
 */
import { stalenessMs } from './assess.js';
import type { Micros } from '../position/position.js';

export interface SendingClock {
  /** Upper bound of Postgres' time now; null when unknown. */
  now(): Micros | null;
  /** Milliseconds of a clock that never steps. */
  monotonicMs(): number;
}

/** GraphQL's Int ends here; an older answer says null rather than a number that is too small. */
const MAX_INT = 2 ** 31 - 1;

export class LateStaleness {
  private readonly clock: SendingClock;
  private readonly asOf: Micros | null;
  private readonly assessedAt: Micros | null;
  private readonly assessedAtMonotonic: number;

  /** @param assessedAt the `now` that the level was computed with */
  constructor(clock: SendingClock, asOf: Micros | null, assessedAt: Micros | null) {
    this.clock = clock;
    this.asOf = asOf;
    this.assessedAt = assessedAt;
    this.assessedAtMonotonic = clock.monotonicMs();
  }

  /** The bound now. If Postgres' time got lost since the assessment, the time that passed here is added to it. */
  toJSON(): number | null {
    const claimed = stalenessMs(this.asOf, this.clock.now()) ?? stalenessMs(this.asOf, this.extrapolated());
    return claimed !== null && claimed <= MAX_INT ? claimed : null;
  }

  valueOf(): number | null {
    return this.toJSON();
  }

  private extrapolated(): Micros | null {
    if (this.assessedAt === null) return null;
    return (this.assessedAt + Math.ceil((this.clock.monotonicMs() - this.assessedAtMonotonic) * 1000)) as Micros;
  }
}
