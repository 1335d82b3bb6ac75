/**
 * Trials of liveness on a running stack (issue 8, part 3): something is done to one part, and until it is undone every answer about every
 * part is held against what may be said. How soon it was said is measured, and judged by whoever asked for the trials.
 */
import { liveness, type Said } from './subjects.js';

export interface Kind {
  readonly name: string;
  /** What it is said of. */
  readonly subject: string;
  readonly becomes: string;
  /** Returns once it is in force. */
  inject(): Promise<void>;
  heal(): Promise<void>;
  /** What else may be said meanwhile, by subject; at rest and UNKNOWN always may. */
  readonly beside: Readonly<Record<string, readonly string[]>>;
  /** Heartbeats of that part come so often. Milliseconds. */
  readonly heartbeatMs: number;
}

export interface Trial {
  readonly kind: string;
  readonly becomes: string;
  /** From when it was in force until it was said. */
  readonly tookMs: number;
  /** Two heartbeats and a second. */
  readonly dueMs: number;
  /** What was said and may not be. */
  readonly wrong: readonly string[];
}

export interface TrialOptions {
  readonly graphqlUrl: string;
  /** What is said while all is well. */
  readonly rest: () => Readonly<Record<string, readonly string[]>>;
}

const EVERY_MS = 25;
const PATIENCE_MS = 60_000;
/** More than a look of the server: so long it must stay said, or at rest. */
const HELD_MS = 300;
const REST_MS = 300;

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, EVERY_MS));

/** What may not be said. */
function misclassified(
  said: Said,
  rest: Readonly<Record<string, readonly string[]>>,
  kind: Pick<Kind, 'subject' | 'becomes' | 'beside'>,
): string[] {
  return [...said.states].flatMap(([subject, state]) => {
    const own = subject === kind.subject ? [kind.becomes] : [];
    const may = ['UNKNOWN', ...own, ...(rest[subject] ?? []), ...(kind.beside[subject] ?? [])];
    return may.includes(state) ? [] : [`${subject} ${state}`];
  });
}

/** Waits until everything has been at rest for a while. @throws Error with what is not, when the patience is over */
export async function untilRest({ graphqlUrl, rest }: TrialOptions): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  let since: number | null = null;
  for (;;) {
    const { states, atMs } = await liveness(graphqlUrl);
    const wants = rest();
    const not = Object.entries(wants).filter(([subject, may]) => !may.includes(states.get(subject) ?? ''));
    since = not.length > 0 ? null : (since ?? atMs);
    if (since !== null && atMs - since >= REST_MS) return;
    if (performance.now() > end) throw new Error(`not at rest: ${JSON.stringify([...states])}`);
    await pause();
  }
}

/** One trial: at rest, done, said, held, undone. */
export async function trial(kind: Kind, options: TrialOptions): Promise<Trial> {
  await untilRest(options);
  const wrong = new Set<string>();
  const ask = async (): Promise<boolean> => {
    const said = await liveness(options.graphqlUrl);
    for (const one of misclassified(said, options.rest(), kind)) wrong.add(one);
    return said.states.get(kind.subject) === kind.becomes;
  };
  try {
    await kind.inject();
    const from = performance.now();
    while (!(await ask())) {
      if (performance.now() - from > PATIENCE_MS) throw new Error(`${kind.name}: ${kind.becomes} was never said`);
      await pause();
    }
    const tookMs = performance.now() - from;
    while (performance.now() - from < tookMs + HELD_MS) {
      await ask();
      await pause();
    }
    const dueMs = 2 * kind.heartbeatMs + 1_000;
    return { kind: kind.name, becomes: kind.becomes, tookMs, dueMs, wrong: [...wrong] };
  } finally {
    await kind.heal();
  }
}
