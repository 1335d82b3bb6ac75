/**
 * Hearing that trust has changed, without a transport of its own: whoever brings one (graphql-ws, graphql-sse, Apollo) gives a function
 * that subscribes. What is kept here is the place in the order of events, and what an event means for what an application shows.
 */
import type { ConfidenceLevel, ProcessingEngine, Store } from './words.js';

/** The selection that `Subscriber` needs; more may be asked for. */
export const EVENTS_DOCUMENT =
  'subscription ($after: ID, $store: Store, $kind: String, $businessKey: ID, $symbol: String) { stalenessEvents(after: $after, store: $store, kind: $kind, businessKey: $businessKey, symbol: $symbol) { id type store pipeline engine kind businessKey symbol levelBefore levelAfter reasons { code } message } }';

export interface TrustEvent {
  readonly id: string;
  readonly type: string;
  readonly store: Store | null;
  readonly pipeline: string | null;
  readonly engine: ProcessingEngine | null;
  readonly kind: string | null;
  readonly businessKey: string | null;
  readonly symbol: string | null;
  readonly levelBefore: ConfidenceLevel | null;
  readonly levelAfter: ConfidenceLevel | null;
  readonly reasons: readonly { readonly code: string }[];
  readonly message: string;
}

export interface EventFilter {
  readonly store?: Store;
  readonly kind?: string;
  readonly businessKey?: string;
  readonly symbol?: string;
}

/** One subscription. Ends by `complete` or `error`, once; `signal` ends it from here. */
export type Subscribe = (
  request: { readonly query: string; readonly variables: Readonly<Record<string, unknown>> },
  sink: {
    next(message: { readonly data?: unknown; readonly errors?: readonly unknown[] }): void;
    error(error: unknown): void;
    complete(): void;
  },
) => () => void;

/**
 * What an event means for what is shown:
 * - `KEY`: this result may be trusted less, or otherwise, than it was shown.
 * - `ALL`: any result may: a pipeline or a store has changed, or events are missing.
 * - `NOTHING`: nothing that is shown is worth less.
 */
export type Affected =
  | {
      readonly what: 'KEY';
      readonly kind: string;
      readonly businessKey: string;
      readonly engine: ProcessingEngine | null;
    }
  | { readonly what: 'ALL' }
  | { readonly what: 'NOTHING' };

/** What an application that shows results has to read again. Pure. An event type that this version does not know affects all. */
export function affectedBy({ type, kind, businessKey, engine }: TrustEvent): Affected {
  if (type === 'ALERT_RAISED' || type === 'ALERT_CLEARED') return { what: 'NOTHING' };
  if (kind !== null && businessKey !== null) return { what: 'KEY', kind, businessKey, engine };
  return { what: 'ALL' };
}

export interface FollowOptions {
  readonly filter?: EventFilter;
  /** Where to go on; left out: what happens from now on. */
  readonly after?: string | null;
  readonly onEvent: (event: TrustEvent) => void;
  /** What an application shows that this affects: read it again. Told once for events that come together. */
  readonly onAffected?: (affected: readonly Affected[]) => void;
  /** A subscription ended by itself; another one begins in `inMs`. */
  readonly onInterrupted?: (error: unknown, inMs: number) => void;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/** Bounds of coming again: the pause before the n-th try in a row is drawn from 0 to 250 ms × 2^n, at most 30 s. */
const PAUSE = { baseMs: 250, capMs: 30_000 };

export interface Followed {
  /** The id of the last event: pass it as `after` to go on in another session. null: none has come. */
  readonly last: string | null;
  stop(): void;
}

/** Follows events across cut connections: each goes on behind the last event that came. */
export function followEvents(subscribe: Subscribe, options: FollowOptions): Followed {
  const { filter = {}, onEvent, onAffected, onInterrupted, random = Math.random } = options;
  let last = options.after ?? null;
  let stopped = false;
  let tries = 0;
  let end = (): void => undefined;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let affected: Affected[] = [];

  const tell = (event: TrustEvent): void => {
    last = event.id;
    onEvent(event);
    if (onAffected === undefined) return;
    const one = affectedBy(event);
    if (one.what === 'NOTHING') return;
    affected.push(one);
    if (affected.length > 1) return;
    queueMicrotask(() => {
      const all = affected;
      affected = [];
      if (!stopped) onAffected(distinct(all));
    });
  };

  const begin = (): void => {
    let over = false;
    const again = (error: unknown): void => {
      if (over || stopped) return;
      over = true;
      end();
      const inMs = Math.round(random() * Math.min(PAUSE.capMs, PAUSE.baseMs * 2 ** tries));
      tries += 1;
      onInterrupted?.(error, inMs);
      timer = setTimeout(begin, inMs);
    };
    end = subscribe(
      { query: EVENTS_DOCUMENT, variables: { ...filter, after: last } },
      {
        next({ data, errors }) {
          if (over || stopped) return;
          const event = (data as { stalenessEvents?: TrustEvent } | null | undefined)?.stalenessEvents;
          if (event === undefined || event === null) return again(errors ?? new Error('no event'));
          tries = 0;
          tell(event);
        },
        error: again,
        complete: () => again(null),
      },
    );
  };
  begin();

  return {
    get last() {
      return last;
    },
    stop() {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
      end();
    },
  };
}

/** `ALL` says all that the others say. */
function distinct(all: readonly Affected[]): Affected[] {
  const everything = all.find(({ what }) => what === 'ALL');
  if (everything !== undefined) return [everything];
  return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
}
