/** Many simulations, with a progress bar, and a report that names the command for each that went wrong. */
import { progressOn } from '../../stack/progress.js';
import { replayCommand, simulateMany } from '../simulation/many.js';
import { aboutLines, type About, type Report } from './about.js';

export async function simulations(count: number, about: About): Promise<Report> {
  const progress = progressOn(process.stdout);
  const step = progress.step('simulations');
  const began = performance.now();
  const many = await simulateMany({
    from: about.seed,
    count,
    onRun: (done) => step.update(`${done} of ${count}`, done / count),
  }).finally(() => progress.close());
  const minutes = (performance.now() - began) / 60_000;
  const ok = many.failed.length === 0;
  const last = about.seed + count - 1;
  const lines = [
    `# ${count} simulations, seeds ${about.seed} to ${last}: ${many.failed.length} with a false sentence`,
    '',
    ...aboutLines(about, minutes),
    `- seen: ${many.claims} claims in ${many.answers} answers, ${many.positions} positions`,
    '',
    '| fault | times |',
    '| --- | --- |',
    ...[...many.fires].sort().map(([fault, times]) => `| ${fault} | ${times} |`),
    ...many.failed.map((seed) => `\nFalse, and again by \`${replayCommand(seed, null)}\``),
  ];
  const json = { ...about, count, minutes, verdict: String(ok), ...many, fires: Object.fromEntries(many.fires) };
  return { ok, markdown: `${lines.join('\n')}\n`, json };
}
