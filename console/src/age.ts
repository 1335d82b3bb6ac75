/** Times in words. Pure. */

/** After so long without an answer the page says that its figures are old. Milliseconds: three polls. */
export const OLD_AFTER_MS = 3_000;

/** `0.2 s`, `12 s`, `3 min 20 s`, `2 h 5 min`: never less than it is. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)} ms`;
  if (ms < 10_000) return `${(Math.ceil(ms / 100) / 10).toFixed(1)} s`;
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return withRest(minutes, 'min', seconds % 60, 's');
  return withRest(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
}

const withRest = (whole: number, unit: string, rest: number, small: string): string =>
  rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${small}`;

/** `stalenessMs` as the server bounded it, and what has passed since that question was sent. null: unknown. */
export const stalenessNow = (stalenessMs: number | null, sinceMs: number): number | null =>
  stalenessMs === null ? null : stalenessMs + Math.ceil(sinceMs);

/** From one moment of the server's clock to another of the same clock; null when either is unknown. */
export function betweenMs(from: string | null, to: string | null): number | null {
  if (from === null || to === null) return null;
  const ms = Date.parse(to) - Date.parse(from);
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}

export type Freshness = 'waiting' | 'fresh' | 'old' | 'paused';

/** @param ageMs since the newest answer was asked for; null: none came yet */
export function freshnessOf(ageMs: number | null, paused: boolean): Freshness {
  if (ageMs === null) return 'waiting';
  if (paused) return 'paused';
  return ageMs > OLD_AFTER_MS ? 'old' : 'fresh';
}

/** Digits in groups of three. */
export const number = (value: bigint | number | string | null): string | null =>
  value === null ? null : String(value).replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f');

export function bytes(value: string | null): string | null {
  if (value === null) return null;
  const count = Number(value);
  if (count < 1_024) return `${count} B`;
  if (count < 1_048_576) return `${(count / 1_024).toFixed(1)} KiB`;
  return `${(count / 1_048_576).toFixed(1)} MiB`;
}

/** `20:14:05.120` of an ISO time, as it stands: UTC. */
export const clockTime = (iso: string): string => iso.slice(11, 23).replace(/Z$/, '');
