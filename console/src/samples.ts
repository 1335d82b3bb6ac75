/** The last two minutes of a figure, for a small plot. Pure. */

export interface Sample {
  /** Of a clock that never steps. */
  readonly atMs: number;
  /** null: the server did not know. */
  readonly value: number | null;
}

export const SPAN_MS = 120_000;
/** A hole in the answers longer than this is a hole in the line. */
const GAP_MS = 5_000;

export function withSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  return [...samples.filter(({ atMs }) => atMs > sample.atMs - SPAN_MS), sample];
}

export interface Plot {
  /** What the top of the plot stands for. */
  readonly top: number;
  /** SVG path in a box of `width` × `height`; empty when there is nothing to draw. */
  readonly path: string;
  /** Single points, which a path would not show. */
  readonly dots: readonly { readonly x: number; readonly y: number }[];
}

/**
 * The right edge is now. The top is a round number, so that the line does not jump with each new highest value.
 * @param least what the top stands for at least
 */
export function plotOf(samples: readonly Sample[], nowMs: number, width: number, height: number, least: number): Plot {
  const shown = samples.filter(({ atMs }) => atMs >= nowMs - SPAN_MS && atMs <= nowMs);
  const top = roundUp(Math.max(least, ...shown.map(({ value }) => value ?? 0)));
  const x = (atMs: number): number => round(width - ((nowMs - atMs) / SPAN_MS) * width);
  const y = (value: number): number => round(height - (value / top) * height);
  const runs = runsOf(shown);
  const line = (run: readonly Known[]): string =>
    run.map(({ atMs, value }, i) => `${i === 0 ? 'M' : 'L'}${x(atMs)} ${y(value)}`).join('');
  return {
    top,
    path: runs
      .filter((run) => run.length > 1)
      .map(line)
      .join(''),
    dots: runs.flatMap((run) => (run.length === 1 ? run.map(({ atMs, value }) => ({ x: x(atMs), y: y(value) })) : [])),
  };
}

type Known = Sample & { readonly value: number };

/** Broken where nothing was known. */
function runsOf(samples: readonly Sample[]): Known[][] {
  const runs: Known[][] = [];
  let last: Known | null = null;
  for (const sample of samples) {
    if (sample.value === null) {
      last = null;
      continue;
    }
    const known = sample as Known;
    if (last === null || known.atMs - last.atMs > GAP_MS) runs.push([known]);
    else runs.at(-1)?.push(known);
    last = known;
  }
  return runs;
}

/** 1, 2 or 5 times a power of ten. */
export function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}

const round = (value: number): number => Math.round(value * 10) / 10;

/** What the plot shows, for who does not see it. */
export function plotInWords(samples: readonly Sample[], show: (value: number) => string): string {
  const known = samples.flatMap(({ value }) => (value === null ? [] : [value]));
  const last = samples.at(-1)?.value ?? null;
  if (known.length === 0) return 'not known yet';
  const now = last === null ? 'not known now' : `now ${show(last)}`;
  return `last two minutes: ${now}, lowest ${show(Math.min(...known))}, highest ${show(Math.max(...known))}`;
}
