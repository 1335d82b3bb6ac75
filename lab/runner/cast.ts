/** What was said, as a recording of a terminal (asciicast, version 2). Pure. */
export interface Said {
  /** From the first line. */
  readonly atMs: number;
  readonly line: string;
}

const SIZE = { width: 104, height: 36 } as const;

export function castOf(said: readonly Said[], title: string): string {
  const from = said[0]?.atMs ?? 0;
  const header = { version: 2, ...SIZE, title, env: { TERM: 'xterm-256color' } };
  const events = said.map(({ atMs, line }) => [Math.round(atMs - from) / 1000, 'o', `${line}\r\n`]);
  return `${[header, ...events].map((each) => JSON.stringify(each)).join('\n')}\n`;
}
