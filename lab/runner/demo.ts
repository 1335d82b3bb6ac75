/**
 * `tidemark demo`: one minute on servers of its own. Orders come in; CDC is paused and the contract falls; the TaskManager is
 * killed; both come back; then all that was claimed meanwhile is judged.
 */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { REPOSITORY } from '../../stack/paths.js';
import type { Progress } from '../../stack/progress.js';
import { missingResults } from '../checkers/missing.js';
import { readHistory } from '../history/file.js';
import { now, pause, until } from '../history/now.js';
import { Recorder } from '../history/record.js';
import { FILES, writeRun } from '../report/files.js';
import { writeReports } from '../report/write.js';
import { outcomeOf } from '../soak/report.js';
import { generatorArguments } from '../workloads/streams.js';
import { Writer, type Next } from '../workloads/writers.js';
import { inColour } from './ansi.js';
import { castOf, type Said } from './cast.js';
import { judged } from './drive.js';
import { plainGround, type Ground } from './ground.js';
import { commit, machine } from './machine.js';
import { rowOf, type Told } from './demo-row.js';

const SYMBOL = 'DEMO';
/** Seconds from the first line. */
const AT = { pause: 10, kill: 22, heal: 32, end: 54 } as const;
const SEED = 1;
const QUIET_MS = 120_000;
const ASK_MS = 5_000;
const FIRST_MS = 60_000;

export interface DemoOptions {
  /** An asciicast (version 2) of what was said; null: none. */
  readonly record: string | null;
  readonly runs: string;
  readonly command: string;
}

const HEAD = `  s  ${'asked for'.padEnd(9)}  ${'answer'.padEnd(11)} ${'confidence'.padEnd(21)}  ${'from'.padEnd(8)}  ${'age'.padStart(6)}  reasons`;

/** @returns whether all that was claimed was true */
export async function demo(options: DemoOptions, progress: Progress): Promise<boolean> {
  const step = progress.step('demo');
  step.update('starting the servers: a minute or two', 0);
  const date = new Date().toISOString();
  const ground = await plainGround();
  const screen = new Screen();
  try {
    step.done('the servers run');
    progress.close();
    const recorder = recorderOf(ground, resolve(REPOSITORY, options.runs));
    const driven = await shown(ground, recorder, screen);
    await ground.quiesce();
    const about = { command: options.command, date, seed: SEED, commit: await commit(), machine: machine() };
    writeRun(recorder.folder, { what: 'Demo', ...about, ...driven });
    const judgement = await judged(recorder.folder, null);
    const outcome = outcomeOf(judgement);
    const lies = judgement.verdicts.reduce(
      (sum, { checker, violated }) => sum + (checker === 'usefulness' ? 0 : violated),
      0,
    );
    const claims = judgement.verdicts.find(({ checker }) => checker === 'no-overclaim')?.claims ?? 0;
    screen.say('');
    screen.say(inColour('bold', `${lies} false of ${claims} claims that ${judgement.answers} answers made meanwhile.`));
    const { html } = writeReports(recorder.folder);
    for (const { checker, verdict } of judgement.verdicts) screen.say(`  ${checker.padEnd(17)} ${verdict}`);
    if (options.record !== null) writeFileSync(options.record, castOf(screen.said, 'npx tidemark demo'));
    process.stdout.write(`\nVerdict of all checkers: ${outcome}. ${html}, the history: ${FILES.history} beside it.\n`);
    return lies === 0;
  } finally {
    await ground.stop();
  }
}

/** What is said, and when. */
class Screen {
  readonly said: Said[] = [];
  private readonly began = now().mono;

  say(line: string): void {
    process.stdout.write(`${process.stdout.isTTY ? line : stripVTControlCharacters(line)}\n`);
    this.said.push({ atMs: now().mono - this.began, line });
  }
}

/** Two orders a second of one symbol. */
const orders: Next = (nowMs) => {
  const time = new Date(nowMs).toISOString();
  const order = {
    symbol: SYMBOL,
    side: 'BUY',
    quantity: 10,
    price: '100',
    status: 'PENDING',
    op: 'c',
    version: 1,
  } as const;
  return [{ event_id: randomUUID(), order_id: randomUUID(), event_time: time, produce_time: time, ...order }];
};

const recorderOf = ({ stack, servers }: Ground, runs: string): Recorder =>
  new Recorder({
    servers,
    brokers: stack.kafkaBrokers,
    stores: {
      ...{ postgres: stack.postgresUrl, mongodb: stack.mongoUrl },
      ...{ elasticsearch: stack.elasticsearchUrl, clickhouse: stack.clickhouseUrl },
    },
    ...{ runs, seed: SEED, rate: 20, sessions: 4 },
    missing: async (folder) => missingResults(await readHistory(folder, ['answer', 'poll'])),
  });

async function shown(ground: Ground, recorder: Recorder, screen: Screen) {
  const { stack, servers } = ground;
  const writer = new Writer(stack.kafkaBrokers, orders, 500);
  const fault = (name: string) => ground.faults.find((each) => each.name === name);
  const notes: string[] = [];
  const faults: Record<string, number> = {};
  try {
    await recorder.start();
    await stack.startApp('generator', { args: generatorArguments('uniform', { rate: 20, seed: SEED, poison: 0 }) });
    await writer.start();
    // The first window is there once a checkpoint has completed.
    await until(async () => typeof (await ask(servers[0], '')) !== 'string', { timeoutMs: FIRST_MS, everyMs: 200 });
    const began = now().mono;
    screen.say(inColour('bold', HEAD));
    const seconds = (): number => (now().mono - began) / 1000;
    const steps = stepsOf(recorder, fault, notes, faults);
    let under: Promise<void> = Promise.resolve();
    for (let tick = 0; seconds() < AT.end; tick += 1) {
      for (const { say, run } of steps.splice(0, steps.filter(({ at }) => at <= seconds()).length)) {
        screen.say(inColour('cyan', `--- ${say}`));
        under = under.then(run).catch((error: unknown) => void notes.push(String(error)));
      }
      const second = Math.floor(seconds());
      for (const way of ['', 'scope: STRONG'] as const) {
        const told = await ask(servers[0], way);
        screen.say(rowOf(second, way === '' ? 'anything' : 'STRONG', told));
      }
      await pause(began + (tick + 1) * 2_000 - now().mono);
    }
    await under;
    screen.say(
      inColour('cyan', '--- nobody writes any more: when all is quiet everything is read once more, and judged'),
    );
    await stack.processes.generator.stop();
    await writer.stop();
    const minutes = (now().mono - began) / 60_000;
    if (!(await recorder.finish(QUIET_MS))) notes.push('It did not become quiet at the end.');
    return { minutes, faults, notes };
  } finally {
    await recorder.stop().catch(() => undefined);
  }
}

type Named = (name: string) => Ground['faults'][number] | undefined;

/** What happens when; each begins when the one before it is done. */
function stepsOf(recorder: Recorder, fault: Named, notes: string[], faults: Record<string, number>) {
  const over = new Map<string, () => void>();
  const on = (name: string) => async (): Promise<void> => {
    over.set(name, recorder.fault(name));
    faults[name] = (faults[name] ?? 0) + 1;
    await fault(name)?.inject();
  };
  const off = (name: string) => async (): Promise<void> => {
    await fault(name)
      ?.heal()
      .catch((error: unknown) => notes.push(`${name} did not heal at once: ${String(error)}`));
    over.get(name)?.();
  };
  const both = async (): Promise<void> => {
    await off('cdc-pause')();
    await off('kill taskmanager')();
  };
  return [
    { at: AT.pause, say: 'CDC is paused: the read models hear of nothing any more', run: on('cdc-pause') },
    { at: AT.kill, say: 'kill -9 of the Flink TaskManager', run: on('kill taskmanager') },
    { at: AT.heal, say: 'CDC is resumed, and the TaskManager started again', run: both },
  ];
}

/** The window of now, as a client asks for it; a text: why there is none. */
async function ask(url: string, demand: string): Promise<Told | string> {
  const directive = demand === '' ? '' : `@consistency(${demand})`;
  const contract = 'confidenceLevel stalenessMs servedBy reasons { code }';
  const which = `symbol: "${SYMBOL}", at: "${new Date().toISOString()}", engine: FLINK`;
  const query = `query ${directive} { w: orderWindow(${which}) { ordersTotal { value ${contract} } } }`;
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
      signal: AbortSignal.timeout(ASK_MS),
    });
    const body = (await response.json()) as {
      readonly data?: { readonly w: { readonly ordersTotal: Told } | null } | null;
      readonly errors?: readonly { readonly extensions?: { readonly code?: string } }[];
    };
    const code = body.errors?.[0]?.extensions?.code;
    return body.data?.w?.ordersTotal ?? (body.errors === undefined ? 'no such window yet' : `no answer: ${code}`);
  } catch {
    return `no answer within ${ASK_MS / 1000} s`;
  }
}
