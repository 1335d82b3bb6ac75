/** `npm run soak -- --liveness N`: N trials of each kind on a stack of its own; every one classified rightly, and within two heartbeats and a second. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { causesOf, clockOf, livenessTrials, toldCauses } from '../../test/harness/liveness.js';
import { startStack } from '../../test/harness/stack.js';
import type { Trial } from '../liveness/trials.js';
import { aboutLines, type About, type Report } from './about.js';

const quantile = (sorted: readonly number[], q: number): number =>
  Math.round(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN);

/** One line per kind. */
export function tableOf(trials: readonly Trial[]): string[] {
  const kinds = [...new Set(trials.map(({ kind }) => kind))];
  return kinds.map((kind) => {
    const own = trials.filter((one) => one.kind === kind);
    const took = own.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
    const wrong = own.filter((one) => one.wrong.length > 0).length;
    const late = own.filter(({ tookMs, dueMs }) => tookMs > dueMs).length;
    return `| ${kind} | ${own.length} | ${wrong} | ${quantile(took, 0.5)} | ${quantile(took, 0.99)} | ${quantile(took, 1)} | ${own[0]?.dueMs ?? 0} | ${late} |`;
  });
}

export async function livenessSoak(rounds: number, about: About): Promise<Report> {
  const from = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-clock-'));
  const clockFile = join(folder, 'clock');
  const stack = await startStack({ without: ['generator'], overrides: { server: clockOf(clockFile) } });
  try {
    const trials = await livenessTrials(stack, clockFile, rounds, ({ kind, tookMs, dueMs, wrong }) =>
      process.stdout.write(`${kind}: ${Math.round(tookMs)} of ${dueMs} ms ${wrong.join('; ')}\n`),
    );
    const told = await toldCauses(stack.postgresUrl);
    const toldRight = JSON.stringify(told.causes) === JSON.stringify(causesOf(trials)) && told.unread >= rounds;
    const wrong = trials.filter((one) => one.wrong.length > 0);
    const late = trials.filter(({ tookMs, dueMs }) => tookMs > dueMs);
    const ok = toldRight && wrong.length === 0 && late.length === 0;
    const markdown = [
      `# ${trials.length} trials of liveness: ${ok ? 'true' : 'false'}`,
      '',
      ...aboutLines(about, (performance.now() - from) / 60_000),
      '',
      `Misclassified: ${wrong.length}. Later than two heartbeats and a second: ${late.length}. Events of CDC ${toldRight ? 'as they had to be' : 'not as they had to be'}.`,
      '',
      '| what was done | trials | misclassified | p50 ms | p99 ms | max ms | due ms | late |',
      '| --- | --- | --- | --- | --- | --- | --- | --- |',
      ...tableOf(trials),
      '',
      ...wrong.map(({ kind, wrong: said }) => `- ${kind}: ${said.join('; ')}`),
    ].join('\n');
    return { ok, markdown, json: { about, ok, told, trials } };
  } finally {
    await stack.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
