/** Two minutes of one figure as a small line. */
import type { ReactNode } from 'react';
import { plotInWords, plotOf, type Sample } from '../samples.js';

const WIDTH = 240;
const HEIGHT = 48;

interface PlotProps {
  readonly samples: readonly Sample[];
  readonly nowMs: number;
  /** What is plotted: for who does not see it. */
  readonly name: string;
  /** What the top stands for at least. */
  readonly least: number;
  readonly show: (value: number) => string;
}

export function SmallPlot({ samples, nowMs, name, least, show }: PlotProps): ReactNode {
  const { path, dots, top } = plotOf(samples, nowMs, WIDTH, HEIGHT, least);
  return (
    <figure className="plot">
      <svg
        role="img"
        aria-label={`${name}, ${plotInWords(samples, show)}`}
        viewBox={`0 -2 ${WIDTH} ${HEIGHT + 4}`}
        preserveAspectRatio="none"
      >
        <path className="grid" d={`M0 0H${WIDTH}M0 ${HEIGHT}H${WIDTH}`} />
        <path className="line" d={path} />
        {dots.map(({ x, y }) => (
          <circle key={x} className="dot" cx={x} cy={y} r="1.5" />
        ))}
      </svg>
      <figcaption aria-hidden="true">
        <span>0 to {show(top)}</span>
        <span>last 2 min</span>
      </figcaption>
    </figure>
  );
}
