import type { Judgement } from '../soak/report.js';

/** Everything that a checker says counts: claims, violations, what it could not know, figures. Pure. */
export function differences(now: Judgement, then: Judgement | null): string[] | null {
  if (then === null) return null;
  const said = ({ verdicts }: Judgement): Map<string, string> =>
    new Map(verdicts.map((verdict) => [verdict.checker, JSON.stringify(verdict)]));
  const [a, b] = [said(now), said(then)];
  return [...new Set([...a.keys(), ...b.keys()])].filter((checker) => a.get(checker) !== b.get(checker));
}
