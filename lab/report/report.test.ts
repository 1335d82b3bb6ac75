import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkAll } from '../checkers/index.js';
import { pathsOf } from '../checkers/paths.js';
import { goodHistory } from '../checkers/test-support/world.js';
import type { History } from '../history/types.js';
import { differences } from '../runner/differences.js';
import type { Judgement, Run } from '../soak/report.js';
import { figuresOf } from './figures.js';
import { FILES, writeRun, type Told } from './files.js';
import { escapeHtml, htmlOf } from './html.js';
import { reportMarkdown, writeReports } from './write.js';

const run: Run = {
  what: 'Lab, cdc-pause: <CDC> & more',
  command: 'npx tidemark lab run cdc-pause',
  ...{ date: '2026-01-05T09:00:00.000Z', seed: 7, commit: 'abc', machine: { cpus: 2 }, minutes: 1 },
  ...{ faults: { 'cdc-pause': 1 }, notes: [] },
};
const judgementOf = (history: History): Judgement => ({
  verdicts: checkAll(history, { enough: 5 }).map((verdict) => ({ ...verdict, violated: verdict.violations.length })),
  ...{ events: history.events.length, positions: 9, answers: history.answers.length, errors: 0, claimsRead: 40 },
  ...{ paths: pathsOf(history.answers), blind: [], quiet: true, rows: { POSTGRES: 2 } },
});
const told = (history = goodHistory()): Told => ({ run, judgement: judgementOf(history), figures: figuresOf(history) });

describe('figures', () => {
  test('each claim that was read before the end is in one bucket, by engine and level', () => {
    const history = goodHistory();
    const { confidence, seconds } = figuresOf(history);
    const counted = Object.values(confidence.FLINK ?? {}).flatMap((series) => [...series]);
    const read = history.answers
      .filter(({ ended }) => ended.mono < (history.quiet?.at ?? 0))
      .flatMap(({ claims }) => claims.filter(({ subject }) => subject === 'row'));
    expect(counted.reduce<number>((a, b) => a + (b ?? 0), 0)).toBe(read.length);
    for (const series of Object.values(confidence.FLINK ?? {})) expect(series).toHaveLength(seconds.length);
  });

  test('a paused CDC brings its reason, and the store that waits is behind; nothing is wrong at the end', () => {
    const { byFault, engines, faults } = figuresOf(goodHistory());
    expect(byFault).toMatchObject([
      { kind: 'cdc-pause', times: 1, engine: 'FLINK', accepted: 1, changed: 1, touched: 1, wrong: 0, wrongLow: 0 },
    ]);
    expect(byFault[0]?.reasons).toContain('STORE_BEHIND');
    expect(byFault[0]?.lagMs.MONGODB).toBeGreaterThan(0);
    expect(engines).toMatchObject([{ engine: 'FLINK', results: 2, right: 2, wrongLow: 0, wrongSilent: 0 }]);
    expect(faults).toHaveLength(1);
    expect(faults[0]!.to).toBeGreaterThan(faults[0]!.from);
  });

  test('a wrong row is counted, and whether it says so', () => {
    const spoiled = (cap: 'HIGH' | 'LOW'): History => {
      const history = goodHistory();
      const truth = history.truth.map((entry) => ({
        ...entry,
        documents: entry.documents.map((one) => ({ ...one, cap, value: { ...one.value, orders_total: 99 } })),
      }));
      return { ...history, truth };
    };
    expect(figuresOf(spoiled('HIGH')).engines[0]).toMatchObject({ right: 0, wrongLow: 0, wrongSilent: 2 });
    expect(figuresOf(spoiled('LOW')).engines[0]).toMatchObject({ right: 0, wrongLow: 2, wrongSilent: 0 });
  });
});

describe('the page', () => {
  test('needs nothing but itself, says the verdict, and has every figure as text as well', () => {
    const page = htmlOf(told());
    expect(page.match(/(?:src|href)\s*=/g)).toBeNull();
    expect(page).not.toMatch(/@import|url\(/);
    expect(page).toContain('Lab, cdc-pause: &lt;CDC&gt; &amp; more');
    for (const title of ['KAFKA_ONLY against FLINK', 'What each engine’s data did', 'Time differences between stores'])
      expect(page).toContain(escapeHtml(title));
    expect(page).toContain('id="confidence-FLINK"');
    // An engine that was not there has no plot.
    expect(page).not.toContain('id="confidence-KAFKA_ONLY"');
  });

  test('nothing in the figures can end the element that they lie in', () => {
    const { figures, ...rest } = told();
    const faults = [{ kind: '</script><script>alert(1)</script>', from: 0, to: 1 }];
    const page = htmlOf({ ...rest, figures: { ...figures, faults } });
    expect(page).not.toContain('<script>alert(1)');
    const [, json = ''] = /id="figures">(.*?)<\/script>/s.exec(page) ?? [];
    expect((JSON.parse(json) as typeof figures).faults).toEqual(faults);
  });
});

test('a report can be made again from what lies in the folder, in three forms that agree', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-report-'));
  try {
    const { judgement, figures } = told();
    writeRun(folder, run);
    writeFileSync(join(folder, FILES.verdict), JSON.stringify(judgement));
    writeFileSync(join(folder, FILES.figures), JSON.stringify(figures));
    const { html } = writeReports(folder);
    const json = JSON.parse(readFileSync(join(folder, FILES.json), 'utf8')) as Record<string, unknown>;
    const markdown = readFileSync(join(folder, FILES.markdown), 'utf8');
    expect(json).toMatchObject({ verdict: 'true', falseClaims: 0, engines: figures.engines });
    expect(markdown).toBe(reportMarkdown({ run, judgement, figures }));
    expect(markdown).toContain('| cdc-pause | 1 | FLINK |');
    expect(readFileSync(html, 'utf8')).toContain('class="outcome true"');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a replay that says the same differs in nothing; one violation more, or one claim less, is a difference', () => {
  const judgement = judgementOf(goodHistory());
  expect(differences(judgement, judgementOf(goodHistory()))).toEqual([]);
  expect(differences(judgement, null)).toBeNull();
  const [first, ...others] = judgement.verdicts;
  const less = { ...judgement, verdicts: [{ ...first!, claims: first!.claims - 1 }, ...others] };
  expect(differences(judgement, less)).toEqual([first!.checker]);
  expect(differences(judgement, { ...judgement, verdicts: others })).toEqual([first!.checker]);
});
