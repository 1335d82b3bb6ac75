/**
 * Runs of the simulation by hand, and the soak's. `--seed N` one run, with `--trace` line by line; `--simulations N` many, from
 * seed 1 or `--from`; `--bug NAME` with a seeded bug, `--first` until it is found. Ends with 1 when a sentence was found false.
 * `--json`: what came out as the last line, for programs.
 */
import { parseArgs } from 'node:util';
import { BUGS, type Bug } from './bugs.js';
import { replayCommand, simulateMany } from './many.js';
import { simulate, type RunResult } from './simulate.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    simulations: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    bug: { type: 'string' },
    trace: { type: 'boolean', default: false },
    first: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function bugOf(name: string | undefined): Bug | null {
  if (name === undefined) return null;
  if (Object.hasOwn(BUGS, name)) return name as Bug;
  throw new Error(`no such bug: ${name}; there are ${Object.keys(BUGS).join(', ')}`);
}

function tell({ seed, hash, violations, steps, positions, answers, claims }: RunResult): void {
  say(
    `seed ${seed}: ${violations.length} violations, ${steps} steps, ${positions} positions, ${answers} answers, ${claims} claims, trace ${hash}`,
  );
  for (const violation of violations.slice(0, 20)) say(`  FALSE ${violation}`);
}

const bug = bugOf(values.bug);
if (values.seed !== undefined) {
  const result = await simulate({ seed: Number(values.seed), bug, trace: values.trace });
  for (const line of result.trace ?? []) say(line);
  tell(result);
  process.exitCode = result.violations.length > 0 ? 1 : 0;
} else {
  const [from, count] = [Number(values.from), Number(values.simulations)];
  const onFalse = (run: RunResult): void => {
    tell(run);
    say(`  again: ${replayCommand(run.seed, bug)}`);
  };
  const many = await simulateMany({ from, count, bug, onFalse, first: values.first });
  const { fires, claims, failed } = many;
  for (const [fault, times] of [...fires].sort()) say(`${String(times).padStart(8)} ${fault}`);
  say(
    `${count} simulations, ${claims} claims, ${failed.length} with a false sentence, ${process.cpuUsage().user / 1e6} s of CPU`,
  );
  if (values.json) say(JSON.stringify({ ...many, fires: Object.fromEntries(fires) }));
  process.exitCode = failed.length > 0 ? 1 : 0;
}
