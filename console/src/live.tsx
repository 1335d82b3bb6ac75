/** Polling in React: what every page's figures come from. */
import type { ApolloClient, OperationVariables } from '@apollo/client';
import type { DocumentNode } from 'graphql';
import { createContext, useContext, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { elapsedMs, systemClock } from '../../client/index.js';
import { freshnessOf, type Freshness } from './age.js';
import { NOTHING_YET, Poller, type Live } from './poller.js';

export const EVERY_MS = 1_000;
/** How often ages on the page grow. */
const TICK_MS = 500;

export interface Surroundings {
  readonly client: ApolloClient;
  /** The reader said stop. */
  readonly paused: boolean;
  /** A new token was entered: everything is asked anew. */
  readonly tokenChanges: number;
  /** The token is refused, or was taken. */
  readonly onTrouble: (error: unknown) => void;
}

const Context = createContext<Surroundings | null>(null);
export const LiveProvider = Context.Provider;

export function useSurroundings(): Surroundings {
  const surroundings = useContext(Context);
  if (surroundings === null) throw new Error('There is no LiveProvider around this.');
  return surroundings;
}

/** Does anybody look at the tab? */
export function useVisible(): boolean {
  return useSyncExternalStore(
    (changed) => {
      document.addEventListener('visibilitychange', changed);
      return () => document.removeEventListener('visibilitychange', changed);
    },
    () => !document.hidden,
  );
}

/** Changes twice a second, so that what is shown gets older; not in a hidden tab. */
export function useTick(): void {
  const [, setTick] = useState(0);
  const visible = useVisible();
  useEffect(() => {
    if (!visible) return;
    const timer = setInterval(() => setTick((tick) => tick + 1), TICK_MS);
    return () => clearInterval(timer);
  }, [visible]);
}

export interface Polled<T> extends Live<T> {
  /** Since `data` was asked for; null: there is none. */
  readonly ageMs: number | null;
  readonly freshness: Freshness;
}

/** @param document null: nothing is asked */
export function useLive<T>(document: DocumentNode | null, variables: OperationVariables = {}): Polled<T> {
  const { client, paused, tokenChanges, onTrouble } = useSurroundings();
  const visible = useVisible();
  useTick();
  const key = JSON.stringify(variables);
  const [kept, setKept] = useState<{ readonly of: unknown; readonly live: Live<T> }>({ of: null, live: NOTHING_YET });
  const poller = useMemo(() => {
    if (document === null) return null;
    const made: Poller<T> = new Poller<T>({
      everyMs: EVERY_MS,
      now: systemClock,
      tell: (live) => {
        setKept({ of: made, live });
        onTrouble(live.error);
      },
      ask: async (signal) => {
        const { data, error } = await client.query<T>({
          query: document,
          variables: JSON.parse(key) as OperationVariables,
          fetchPolicy: 'no-cache',
          errorPolicy: 'all',
          context: { fetchOptions: { signal } },
        });
        return { data: (data ?? null) as T | null, error: error ?? null };
      },
    });
    return made;
    // A new token makes a new poller.
  }, [client, document, key, onTrouble, tokenChanges]);
  useEffect(() => {
    if (poller === null || !visible || paused) return;
    poller.resume();
    return () => poller.pause();
  }, [poller, visible, paused]);
  // The answer to another question is none to this one.
  const live = kept.of === poller ? kept.live : NOTHING_YET;
  const ageMs = live.since === null ? null : elapsedMs(live.since, systemClock());
  return { ...live, ageMs, freshness: freshnessOf(ageMs, paused) };
}
