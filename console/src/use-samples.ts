import { useEffect, useRef, useState } from 'react';
import type { Polled } from './live.js';
import { withSample, type Sample } from './samples.js';

export type History = Readonly<Record<string, readonly Sample[]>>;

/** The last two minutes of some figures of the answers. @param pick name → figure, of one answer */
export function useSamples<T>(live: Polled<T>, pick: (data: T) => Readonly<Record<string, number | null>>): History {
  const [history, setHistory] = useState<History>({});
  const latest = useRef(pick);
  latest.current = pick;
  const { data, since } = live;
  useEffect(() => {
    if (data === null || since === null) return;
    const atMs = since.monotonicMs;
    setHistory((before) => {
      const now = Object.entries(latest.current(data)).map(
        ([name, value]) => [name, withSample(before[name] ?? [], { atMs, value })] as const,
      );
      return { ...before, ...Object.fromEntries(now) };
    });
  }, [data, since]);
  return history;
}
