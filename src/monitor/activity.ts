/**
 * What a pipeline is at, from its heartbeats and from how far its topics are written (log/ends.ts): idle is told from slow, and silence of
 * its own from silence that somebody else's open transaction makes. Pure, but for what it remembers.
 */
import type { PipelineFact } from '../contract/proof-port.js';
import type { LogEnd } from '../log/ends.js';
import type { Micros } from '../position/position.js';

/** IDLE: it has counted all that is written. BACK_PRESSURE: it goes on, and not fast enough. */
export type Activity = 'IDLE' | 'ACTIVE' | 'BACK_PRESSURE' | 'UNKNOWN';

export type EndOf = (topic: string, partition: number) => LogEnd | null;

/** Heartbeats come with checkpoints, and at most once a second (contract.md §5). */
const BEAT_MS = 1_000;
/** An open transaction is none that hangs before it has outlived this; then it must also have kept two heartbeats from being seen. */
const HELD_MS = 1_200;

const beatMs = (facts: readonly PipelineFact[]): number =>
  Math.max(BEAT_MS, ...facts.map(({ checkpoints }) => checkpoints?.intervalMs ?? 0));

/** Of the result partition that was heard of longest ago; null: one was never heard of. */
function silentMs(facts: readonly PipelineFact[], now: Micros): number | null {
  const ages = facts.map(({ lastHeartbeatAt: at }) => (at === null ? null : (now - at) / 1000));
  return ages.includes(null) ? null : Math.max(...ages.map((age) => age ?? 0));
}

/** Nothing is readable where more is written, in a partition from which it has not been heard for two heartbeats. null: not known everywhere. */
export function heldUp(facts: readonly PipelineFact[], now: Micros, endOf: EndOf): boolean | null {
  const held = facts.map((fact): boolean | null => {
    const end = endOf(fact.resultTopic, fact.resultPartition);
    const silent = silentMs([fact], now);
    if (end === null || silent === null) return null;
    return end.heldMs !== null && end.heldMs > HELD_MS && end.asked >= end.stable && silent > 2 * BEAT_MS;
  });
  if (held.includes(true)) return true;
  return held.includes(null) ? null : false;
}

interface Target {
  /** What was written then. */
  readonly ends: ReadonlyMap<number, bigint>;
  /** What was counted then, of all partitions together. */
  readonly counted: bigint;
  readonly now: Micros;
}

/** Source partition → next offset, by the result partition that knows least. */
function countedOf(facts: readonly PipelineFact[]): Map<number, bigint> {
  const counted = new Map<number, bigint>();
  for (const { sources } of facts) {
    for (const [p, next] of Object.entries(sources)) {
      const own = BigInt(next);
      const known = counted.get(Number(p));
      counted.set(Number(p), known === undefined || own < known ? own : known);
    }
  }
  return counted;
}

export class Activities {
  private readonly targets = new Map<string, Target>();

  constructor(
    private readonly endOf: EndOf,
    private readonly source: string,
  ) {}

  /** @param facts of one pipeline, one per result partition */
  of(facts: readonly PipelineFact[], now: Micros): Activity {
    const name = facts[0]?.pipeline ?? '';
    const silent = silentMs(facts, now);
    const counted = countedOf(facts);
    const ends = new Map([...counted.keys()].map((p) => [p, this.endOf(this.source, p)?.high ?? null]));
    const known = new Map([...ends].flatMap(([p, end]) => (end === null ? [] : [[p, end] as const])));
    if (silent === null || silent > 2 * beatMs(facts) + BEAT_MS || counted.size === 0 || known.size < ends.size) {
      this.targets.delete(name);
      return 'UNKNOWN';
    }
    const reached = (end: ReadonlyMap<number, bigint>): boolean =>
      [...end].every(([p, offset]) => (counted.get(p) ?? 0n) >= offset);
    if (reached(known)) {
      this.targets.delete(name);
      return 'IDLE';
    }
    const total = [...counted.values()].reduce((sum, one) => sum + one, 0n);
    const target = this.targets.get(name);
    if (target === undefined || reached(target.ends)) {
      this.targets.set(name, { ends: known, counted: total, now });
      return 'ACTIVE';
    }
    // What was written two heartbeats and a second ago is not counted yet.
    if ((now - target.now) / 1000 <= 2 * beatMs(facts) + BEAT_MS) return 'ACTIVE';
    return total > target.counted ? 'BACK_PRESSURE' : 'UNKNOWN';
  }
}
