import type { Run } from './report.js';

/** What every result says about its run. */
export type About = Omit<Run, 'what' | 'minutes' | 'faults' | 'notes'>;

/** A result for people and for programs. */
export interface Report {
  readonly ok: boolean;
  readonly markdown: string;
  readonly json: object;
}

export const aboutLines = (about: About, minutes: number): string[] => [
  `- command: \`${about.command}\``,
  `- date: ${about.date}`,
  `- commit: ${about.commit}`,
  `- machine: ${Object.entries(about.machine)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')}`,
  `- minutes: ${minutes.toFixed(1)}`,
];
