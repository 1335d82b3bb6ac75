/** Which faults come when: by chance, but the same for one seed. Pure. */

/** One round: these faults together, for so long; then a pause, in which all is well. */
export interface Round {
  readonly faults: readonly string[];
  readonly holdMs: number;
  readonly pauseMs: number;
}

export interface PlanLimits {
  readonly holdMs: readonly [number, number];
  readonly pauseMs: readonly [number, number];
  /** Share of rounds with two faults at once. */
  readonly pairs: number;
}

export const LIMITS: PlanLimits = { holdMs: [1_500, 8_000], pauseMs: [3_000, 8_000], pairs: 0.2 };

const between = ([low, high]: readonly [number, number], dice: number): number => Math.round(low + dice * (high - low));

/** Whoever heals these asks them and others. The two of Flink are one. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  connector: ['connector', 'connect', 'kafka', 'postgres'],
  jobmanager: ['jobmanager', 'taskmanager', 'kafka'],
  taskmanager: ['taskmanager', 'jobmanager', 'kafka'],
  results: ['results', 'kafka', 'processor'],
  source: ['source', 'kafka', 'postgres', 'processor', 'jobmanager', 'taskmanager', 'server'],
};

/** Two faults of one victim would undo each other, and the connector can't be told anything while what it needs is down. */
export function mayMeet(a: string, b: string): boolean {
  const victim = (name: string): string => name.split(' ')[1] ?? 'connector';
  const needs = (name: string): readonly string[] => NEEDS[victim(name)] ?? [victim(name)];
  return !needs(a).includes(victim(b)) && !needs(b).includes(victim(a));
}

/** Without end. Every fault comes once before one comes again, each time in another order. */
export function* planOf(faults: readonly string[], random: () => number, limits = LIMITS): Generator<Round, never> {
  let deck: string[] = [];
  const draw = (fits: (name: string) => boolean): string | undefined => {
    const at = deck.findIndex(fits);
    return at < 0 ? undefined : deck.splice(at, 1)[0];
  };
  for (;;) {
    if (deck.length === 0) deck = shuffled(faults, random);
    const first = draw(() => true) as string;
    const second = random() < limits.pairs ? draw((name) => mayMeet(first, name)) : undefined;
    yield {
      faults: second === undefined ? [first] : [first, second],
      holdMs: between(limits.holdMs, random()),
      pauseMs: between(limits.pauseMs, random()),
    };
  }
}

export function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}
