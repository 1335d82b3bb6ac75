/**
 * How long a program takes until it says that a setting is missing, which is after all its code was loaded: compiled ahead
 * (stack/programs.mjs) beside each file compiled as it is loaded. `npx tsx bench/starts.ts [times]`, medians of one run.
 */
import { spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { builtProgram, sourceProgram } from '../stack/apps.js';

const TIMES = Number(process.argv[2] ?? 9);
const WAYS = { 'compiled ahead': builtProgram('server'), 'as it is loaded': sourceProgram('server') };

function startMs(args: readonly string[]): number {
  const began = performance.now();
  const { stderr } = spawnSync(process.execPath, args, { env: {}, encoding: 'utf8' });
  if (!stderr.startsWith('POSTGRES_URL is not set')) throw new Error(`the server ended otherwise: ${stderr}`);
  return performance.now() - began;
}

const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1] ?? Number.NaN;
const took: Record<string, number[]> = {};
for (let n = 0; n < TIMES; n += 1)
  for (const [way, args] of Object.entries(WAYS)) (took[way] ??= []).push(startMs(args));
const [ahead = Number.NaN, loaded = Number.NaN] = Object.keys(WAYS).map((way) => median(took[way] ?? []));
process.stdout.write(
  `server: ${ahead.toFixed(0)} ms compiled ahead, ${loaded.toFixed(0)} ms otherwise: ${(ahead / loaded).toFixed(2)} of it\n`,
);
