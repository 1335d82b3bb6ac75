/**
 * How far each partition is written and how far it can be read, as the broker has said with every answer to a fetch: known at no cost
 * wherever this process reads (kafkajs-fetch.ts notes it), and unknown elsewhere.
 */
export interface FetchSeen {
  /** The offset that was asked for. */
  readonly asked: bigint;
  /** Last stable offset: below it no transaction is open, so read committed ends here. */
  readonly stable: bigint;
  /** Everything written, committed or not. */
  readonly high: bigint;
}

export interface LogEnd {
  /** The highest offset that any consumer of this process has asked for: what lies below has been read. */
  readonly asked: bigint;
  readonly stable: bigint;
  readonly high: bigint;
  /** An open transaction has held the same last stable offset for so long, though more is written. null: it does not. Milliseconds. */
  readonly heldMs: number | null;
}

interface Known extends FetchSeen {
  readonly atMs: number;
  readonly heldSinceMs: number | null;
}

/** What was seen longer ago than this says nothing of now: a fetch waits half a second at most. */
const FRESH_MS = 2_000;

export class LogEnds {
  private readonly known = new Map<string, Known>();

  constructor(private readonly monotonicMs: () => number) {}

  note(topic: string, partition: number, seen: FetchSeen): void {
    const place = `${topic}/${partition}`;
    const before = this.known.get(place);
    const atMs = this.monotonicMs();
    // Shorter than before it is another log, and what was asked of the old one says nothing.
    const goesOn = before !== undefined && before.high <= seen.high;
    const asked = goesOn && before.asked > seen.asked ? before.asked : seen.asked;
    const held = seen.high > seen.stable;
    const since = goesOn && before.stable === seen.stable ? before.heldSinceMs : null;
    this.known.set(place, { ...seen, asked, atMs, heldSinceMs: held ? (since ?? atMs) : null });
  }

  /** null: this process does not read it, or has not been answered for two seconds. */
  of(topic: string, partition: number): LogEnd | null {
    const found = this.known.get(`${topic}/${partition}`);
    const now = this.monotonicMs();
    if (found === undefined || now - found.atMs > FRESH_MS) return null;
    const { asked, stable, high, heldSinceMs } = found;
    return { asked, stable, high, heldMs: heldSinceMs === null ? null : now - heldSinceMs };
  }
}
