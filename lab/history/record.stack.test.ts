import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { builtProgram } from '../../stack/apps.js';
import { REPOSITORY } from '../../stack/paths.js';
import { silent } from '../../stack/progress.js';
import type { TestStack } from '../../test/harness/stack.js';
import { checkAll, CHECKERS, tableOf } from '../checkers/index.js';
import { CORRUPTIONS } from '../checkers/test-support/corruptions.js';
import type { Draft } from '../checkers/test-support/draft.js';
import { pathsOf, silentPaths } from '../checkers/paths.js';
import { Drive, judged } from '../runner/drive.js';
import { labGround, type Ground } from '../runner/ground.js';
import { FILES, writeRun } from '../report/files.js';
import { writeReports } from '../report/write.js';
import { readHistory } from './file.js';

/** Keeps the history of a failed run. */
const KEEP = process.env['TIDEMARK_LAB_RUNS'];

describe('a recorded run on real servers', () => {
  let ground: Ground | undefined;
  let stack: TestStack;
  const runs = KEEP ?? mkdtempSync(join(tmpdir(), 'tidemark-lab-'));
  beforeAll(async () => {
    ground = await labGround({ flink: false });
    stack = ground.stack;
  }, 600_000);
  afterAll(async () => {
    await ground?.stop();
    if (KEEP === undefined) rmSync(runs, { recursive: true, force: true });
  }, 60_000);

  test('lab/run.ts records a running stack, says what the checkers say, and says it again of what it has recorded', async () => {
    // What was written before a recording is part of its world; meanwhile only its own client writes.
    await execa('node', ['bin/tidemark.mjs', 'generate', ...GENERATOR, '--rate', '0', '--count', '300'], {
      cwd: REPOSITORY,
      env: { KAFKA_BROKERS: stack.kafkaBrokers },
    });
    const run = (...args: string[]): ReturnType<typeof execa> =>
      execa(process.execPath, [...builtProgram('recorder'), '--enough', 'Infinity', ...args], {
        cwd: REPOSITORY,
        env: {
          TIDEMARK_URL: ground?.servers.join() ?? '',
          KAFKA_BROKERS: stack.kafkaBrokers,
          POSTGRES_URL: stack.postgresUrl,
          MONGODB_URL: stack.mongoUrl,
        },
      });
    const said = String((await run('--minutes', '0.2', '--rate', '10', '--sessions', '2', '--runs', runs)).stdout);
    const [folder = '', ...lines] = said.split('\n');
    expect(folder.startsWith(runs)).toBe(true);
    for (const checker of Object.keys(CHECKERS)) {
      expect(lines.find((line) => line.startsWith(checker))).toMatch(/ true +[1-9]\d* claims, 0 violations/);
    }
    expect(lines.join('\n')).toMatch(/MONGODB = POSTGRES +[1-9]/);
    expect((await run('--history', folder)).stdout).toBe(said.trimEnd());
  }, 600_000);

  test('under a run of the lab no sentence of the contract is false, and each was tried; judged again it is the same', async () => {
    const drive = new Drive(
      {
        ...{ minutes: null, seed: 1, reads: 15, runs, stream: GENERATOR, workloads: true },
        has: (fault) => FAULTS.includes(fault),
        limits: { pairs: 0, holdMs: [2_000, 2_500], pauseMs: [1_500, 2_000] },
        ...{ calmMs: 4_000, calmClaims: 1_000 },
      },
      silent.step('lab'),
    );
    const driven = await drive.run(ground!);
    const { folder } = driven;
    expect(Object.keys(driven.faults).sort()).toEqual([...FAULTS].sort());
    expect(driven.notes.filter((note) => /could not be injected|quiet/.test(note))).toEqual([]);

    const verdicts = checkAll(await readHistory(folder), { ...LIMITS, falseLowShare: 1 });
    process.stderr.write(tableOf(verdicts));
    expect(verdicts.flatMap(({ violations }) => violations.slice(0, 3))).toEqual([]);
    // A total over rows that say that they may be wrong proves nothing: the engine without checkpoints was killed.
    const provesNothing = ({ checker, verdict, unknown }: (typeof verdicts)[number]): boolean =>
      checker === 'conserved-total' &&
      verdict === 'unknown' &&
      Object.keys(unknown).every((why) => why.includes('LOW'));
    expect(verdicts.flatMap((one) => (one.verdict === 'true' || provesNothing(one) ? [] : [one.checker]))).toEqual([]);
    expect(verdicts[0]?.claims).toBeGreaterThan(1_000);
    expect(silentPaths(pathsOf((await readHistory(folder)).answers), 1)).toEqual([]);
    const servers = new Set((await readHistory(folder)).answers.map(({ server }) => server.split('#')[0]));
    expect(servers.size).toBe(2);
    const exercised = Object.assign({}, ...verdicts.map((verdict) => verdict.exercised)) as Record<string, number>;
    for (const sentence of EXERCISED) expect([sentence, exercised[sentence] ?? 0]).not.toEqual([sentence, 0]);

    const ways = new Set((await readHistory(folder)).answers.map(({ way }) => way ?? 'http'));
    expect([...ways].sort()).toEqual(['http', 'sdk', 'ws']);

    // That nothing was found proves something only if it would have been: the same history with one claim made false.
    const good = await readHistory(folder);
    const text = JSON.stringify(good);
    const noticed = CORRUPTIONS.filter(({ name, checker, sentence, apply }) => {
      const draft = JSON.parse(text) as Draft;
      if (!apply(draft, good, 17)) return false;
      const found = CHECKERS[checker]?.(draft, LIMITS).violations.map((violation) => violation.sentence);
      expect([name, found]).toEqual([name, expect.arrayContaining([sentence])]);
      return true;
    });
    expect(noticed.length).toBeGreaterThan(20);

    await judged(folder, LIMITS.staleP99Ms);
    const again = ['bin/tidemark.mjs', 'lab', 'replay', folder, '--stale-p99-ms', String(LIMITS.staleP99Ms)];
    const { stdout } = await execa('node', again, { cwd: REPOSITORY, reject: false });
    expect(stdout.split('\n').at(-1)).toContain('The same as when it was judged.');
    writeRun(folder, { what: 'Lab', command: '', date: '', seed: 1, commit: '', machine: {}, ...driven });
    const { html, told } = writeReports(folder);
    expect(told.figures.engines).toMatchObject([{ engine: 'KAFKA_ONLY', wrongSilent: 0 }]);
    expect(told.figures.byFault.map(({ kind }) => kind)).toEqual([...FAULTS].sort());
    expect(html).toBe(join(folder, FILES.html));
  }, 600_000);
});

/**
 * A short run on a machine that does other things: how old answers may be, and how seldom right ones are LOW (an engine that
 * gets no processor seems to have stopped), is measured on a quiet one, here only that it is.
 */
const LIMITS = { enough: 20, staleP99Ms: 10_000 };
const FAULTS = ['cdc-pause', 'kill processor', 'cut-link mongodb', 'clock-offset server', 'poison source'];
const GENERATOR = ['--backfill-minutes', '0', '--rate', '60', '--symbols', '60', '--seed', '5', '--late', '0.01'];

/** All that can occur without a Flink pipeline: nothing is HIGH yet, and nothing takes a checkpoint. */
const EXERCISED = [
  ...['position', 'proven', 'strong', 'scope', 'as-of', 'as-of.known', 'staleness', 'source-as-of', 'checkpoint.none'],
  ...['sync.known', 'sync.applied', 'sync.monotone', 'eventual.converges', 'set.as-of', 'set.strong'],
  ...[
    'counted-once',
    'truth-is-the-fold',
    'MONGODB = POSTGRES',
    'ELASTICSEARCH = POSTGRES',
    'CLICKHOUSE = POSTGRES',
    'POSTGRES = fold',
    'rows = log',
    'accounted',
  ],
  ...['same-store', 'claims-current', 'proof', 'own-write', 'staleness-p99', 'false-low'],
];
