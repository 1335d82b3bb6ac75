/** Which ways of reading were tried, and what came back: a way that never answered was not checked, whatever the verdict says. */
import type { Answer } from '../history/types.js';

export interface Path {
  readonly answers: number;
  /** Answers with an error in them, or none at all. */
  readonly errors: number;
  readonly claims: number;
  /** The most frequent error; null: there was none. */
  readonly usualError: string | null;
}

/** By the name of the query. */
export function pathsOf(answers: readonly Answer[]): Record<string, Path> {
  const names = [...new Set(answers.map(({ query }) => query))].sort();
  return Object.fromEntries(names.map((name) => [name, pathOf(answers.filter(({ query }) => query === name))]));
}

function pathOf(answers: readonly Answer[]): Path {
  const errors = new Map<string, number>();
  for (const { error } of answers) if (error !== undefined) errors.set(error, (errors.get(error) ?? 0) + 1);
  const [usual] = [...errors].sort((a, b) => b[1] - a[1]);
  return {
    answers: answers.length,
    errors: [...errors.values()].reduce((a, b) => a + b, 0),
    claims: answers.reduce((sum, { claims }) => sum + claims.length, 0),
    usualError: usual?.[0].slice(0, 160) ?? null,
  };
}

/** Asked so often that something ought to have come back, and nothing was ever claimed. */
export const silentPaths = (paths: Readonly<Record<string, Path>>, often = 5): string[] =>
  Object.entries(paths).flatMap(([name, { answers, claims }]) => (answers >= often && claims === 0 ? [name] : []));
