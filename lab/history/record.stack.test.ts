import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { builtProgram } from '../../stack/apps.js';
import { REPOSITORY } from '../../stack/paths.js';
import { eventually } from '../../test/harness/eventually.js';
import { startStack, type TestStack } from '../../test/harness/stack.js';
import { missingResults } from '../checkers/missing.js';
import { checkAll, CHECKERS, tableOf } from '../checkers/index.js';
import { CORRUPTIONS } from '../checkers/test-support/corruptions.js';
import type { Draft } from '../checkers/test-support/draft.js';
import { pathsOf, silentPaths } from '../checkers/paths.js';
import { startSecondServer, type SecondServer } from '../soak/second-server.js';
import { readHistory } from './file.js';
import { pause, until } from './now.js';
import { Recorder } from './record.js';

/** Keeps the history of a failed run. */
const KEEP = process.env['TIDEMARK_LAB_RUNS'];

describe('a recorded run on real servers', () => {
  let stack: TestStack;
  let second: SecondServer | undefined;
  let recorder: Recorder | undefined;
  const runs = KEEP ?? mkdtempSync(join(tmpdir(), 'tidemark-lab-'));
  beforeAll(async () => {
    stack = await startStack({ without: ['generator'] });
    second = await startSecondServer(stack);
  }, 600_000);
  afterAll(async () => {
    await recorder?.stop();
    await second?.component.stop();
    await stack?.stop();
    if (KEEP === undefined) rmSync(runs, { recursive: true, force: true });
  }, 60_000);

  const connector = async (action: 'pause' | 'resume', state: string): Promise<void> => {
    const url = `${stack.connectUrl}/connectors/tidemark-commit-log`;
    await fetch(`${url}/${action}`, { method: 'PUT' });
    await eventually(async () => {
      const status = (await (await fetch(`${url}/status`)).json()) as { tasks: { state: string }[] };
      expect(status.tasks.map((task) => task.state)).toEqual([state]);
    });
  };

  /** So many more claims, and so long at least: a busy machine takes its time. */
  async function hears(claims: number, leastMs: number): Promise<void> {
    const before = recorder?.recorded.claims ?? 0;
    await pause(leastMs);
    await until(async () => (recorder?.recorded.claims ?? 0) >= before + claims, { timeoutMs: 10_000, everyMs: 100 });
  }

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
          TIDEMARK_URL: `${stack.graphqlUrl},${second?.graphqlUrl}`,
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

  test('with the connector paused and the processor crashed, no sentence of the contract is false, and each was tried', async () => {
    recorder = new Recorder({
      servers: [stack.graphqlUrl, second?.graphqlUrl ?? ''],
      brokers: stack.kafkaBrokers,
      stores: {
        postgres: stack.postgresUrl,
        mongodb: stack.mongoUrl,
        elasticsearch: stack.elasticsearchUrl,
        clickhouse: stack.clickhouseUrl,
      },
      finalOthers: 800,
      missing: async (folder) => missingResults(await readHistory(folder, ['answer', 'poll'])),
      runs,
      seed: 1,
      rate: 25,
      sessions: 4,
    });
    await recorder.start();
    await stack.startApp('generator', { args: GENERATOR });
    await hears(1_000, 5_000);
    const resumed = recorder.fault('cdc-pause');
    await connector('pause', 'PAUSED');
    await hears(600, 4_000);
    await connector('resume', 'RUNNING');
    resumed();
    await hears(600, 4_000);
    const restarted = recorder.fault('processor-crash');
    await stack.processes.processor.crash();
    await eventually(() => expect(stack.processes.processor.isAlive).toBe(true));
    restarted();
    await hears(800, 5_000);
    await stack.processes.generator.stop();
    expect(await recorder.finish(45_000)).toBe(true);

    const verdicts = checkAll(await readHistory(recorder.folder), LIMITS);
    process.stderr.write(tableOf(verdicts));
    expect(verdicts.flatMap(({ violations }) => violations.slice(0, 3))).toEqual([]);
    expect(verdicts.map(({ checker, verdict }) => [checker, verdict])).toEqual(
      verdicts.map(({ checker }) => [checker, 'true']),
    );
    expect(verdicts[0]?.claims).toBeGreaterThan(1_000);
    expect(silentPaths(pathsOf((await readHistory(recorder.folder)).answers), 1)).toEqual([]);
    const servers = new Set((await readHistory(recorder.folder)).answers.map(({ server }) => server.split('#')[0]));
    expect(servers.size).toBe(2);
    const exercised = Object.assign({}, ...verdicts.map((verdict) => verdict.exercised)) as Record<string, number>;
    for (const sentence of EXERCISED) expect([sentence, exercised[sentence] ?? 0]).not.toEqual([sentence, 0]);

    // That nothing was found proves something only if it would have been: the same history with one claim made false.
    const good = await readHistory(recorder.folder);
    const text = JSON.stringify(good);
    const noticed = CORRUPTIONS.filter(({ name, checker, sentence, apply }) => {
      const draft = JSON.parse(text) as Draft;
      if (!apply(draft, good, 17)) return false;
      const found = CHECKERS[checker]?.(draft, LIMITS).violations.map((violation) => violation.sentence);
      expect([name, found]).toEqual([name, expect.arrayContaining([sentence])]);
      return true;
    });
    expect(noticed.length).toBeGreaterThan(20);
  }, 600_000);
});

/** A short run on a machine that does other things: how old answers may be is measured on a quiet one, here only that it is. */
const LIMITS = { enough: 20, staleP99Ms: 10_000 };
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
