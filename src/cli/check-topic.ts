/** `tidemark check-topic`: what the records of a result topic can show, and what the best that comes of it is. */
import { Option, type Command } from 'commander';
import { checkTopic, type CheckedKind, type CheckedPipeline, type TopicCheck } from '../decision/topic-check.js';
import type { TopicRecord } from '../decision/topic-check.js';
import { AppError } from '../errors.js';
import { decode } from '../ingest/decode.js';
import type { LogRecord } from '../log/port.js';
import { PROCESSING_ENGINES, type ProcessingEngine } from '../words.js';
import type { Out } from './produce.js';
import { readNewest, type TopicRead } from './read-topic.js';
import { table } from './table.js';

/** Everything is there; it could not be read; something is missing; there is no result to be judged. */
export const EXIT = { complete: 0, unread: 1, lacking: 2, nothing: 3 } as const;

const LIMITS = { idleMs: 3_000, limitMs: 30_000 };
const MOST_RECORDS = 100_000;

/** The engine that the record says it is of: the topic's own is not known here. */
function engineOf({ value }: LogRecord): ProcessingEngine {
  try {
    const { processing_engine: said } = JSON.parse(value?.toString('utf8') ?? '') as Record<string, unknown>;
    return PROCESSING_ENGINES.find((engine) => engine === said) ?? 'KAFKA_ONLY';
  } catch {
    return 'KAFKA_ONLY';
  }
}

/** A record as ingest would understand it. Pure. */
export function topicRecord(topic: string, partition: number, record: LogRecord): TopicRecord {
  try {
    const decoded = decode(record, { topic, partition, engine: engineOf(record) }, 0);
    if (decoded.type === 'accepted') return { partition, incoming: decoded.record, cause: null };
    // What an engine reports of its source is a record like any other; one of this topic is broken.
    const own = decoded.letter.topic === topic && decoded.letter.offset === record.offset;
    return { partition, incoming: decoded.record, cause: own ? decoded.letter.cause : null };
  } catch (error) {
    if (error instanceof AppError) return { partition, incoming: null, cause: error.code };
    throw error;
  }
}

const share = (carried: number, of: number): string => (carried === of ? 'all' : `${carried} of ${of}`);

function kindLines(own: CheckedPipeline, kind: CheckedKind): string[] {
  if (kind.best === null) return [`  ${kind.kind}: ${kind.recomputed} recomputed results, none of the engine.`];
  const levels = Object.entries(kind.levels).map(([level, count]) => `${level} ${count}`);
  const others = kind.recomputed === 0 ? '' : `, and ${kind.recomputed} recomputed`;
  const rows = kind.evidence.map(({ name, carried }) => [name, share(carried, kind.records)]);
  const why = kind.reasons.map(({ code, records }) => `${code} (${share(records, kind.records)})`);
  return [
    `  ${kind.kind}: ${kind.records} results${others}. Best level: ${kind.best} (${levels.join(', ')})`,
    ...(why.length === 0 ? [] : [`  Why not HIGH: ${why.join(', ')}`]),
    ...(own.engine === 'KAFKA_ONLY' && kind.best === 'EVENTUALLY_CONSISTENT'
      ? ['  More is not to be had without checkpoints, but by recomputation from the source (REPROCESSING).']
      : []),
    table(['evidence', 'carried by'], rows),
  ];
}

const BEGINNING = { KAFKA_ONLY: '_assignment', FLINK: '_run' } as const;
const ANNOUNCED = {
  YES: 'seen',
  NO: 'MISSING: output lost at a restart would go unnoticed',
  NOT_READ: 'before what was read (read more: --records)',
} as const;

function pipelineLines(own: CheckedPipeline): string[] {
  const silent = own.silentPartitions;
  const heartbeats =
    silent.length === 0
      ? String(own.heartbeats)
      : `${own.heartbeats}; NONE in partition ${silent.join(', ')}: without them open results are LOW (PIPELINE_STOPPED)`;
  return [
    `${own.pipeline} (${own.engine}), ${own.runs} run${own.runs === 1 ? '' : 's'}`,
    table(
      ['of the pipeline', ''],
      [
        [`beginning of its runs (${BEGINNING[own.engine]})`, ANNOUNCED[own.announced]],
        ['heartbeats', heartbeats],
        ['numbers missing between those read', own.seqHoles],
        ...(own.engine === 'FLINK' ? [['newest completed checkpoint named', own.completedCheckpoint]] : []),
      ],
    ),
    ...own.kinds.flatMap((kind) => kindLines(own, kind)),
  ];
}

/** For people. */
export function renderCheck(topic: string, { partitions }: Pick<TopicRead, 'partitions'>, check: TopicCheck): string {
  const broken = check.undecodable.map(({ cause, records }) => `${cause} (${records})`);
  return [
    `${topic}: ${check.records} records read of ${partitions} partition${partitions === 1 ? '' : 's'}`,
    ...(broken.length === 0 ? [] : [`Not to be decoded: ${broken.join(', ')}. See docs/ERRORS.md.`]),
    ...check.pipelines.flatMap(pipelineLines),
    verdictOf(check),
  ].join('\n');
}

const judged = ({ pipelines }: TopicCheck): boolean =>
  pipelines.some(({ kinds }) => kinds.some(({ best }) => best !== null));

function verdictOf(check: TopicCheck): string {
  if (!judged(check) && check.undecodable.length === 0) return 'No result of an engine was read: nothing can be told.';
  return check.complete
    ? 'Nothing is missing that the table asks for (decisionTable).'
    : 'Something is missing: see wire/README.md for what each field is, processing/flink for a stamp that adds it.';
}

export function exitCodeOf(check: TopicCheck): number {
  if (!check.complete) return EXIT.lacking;
  return judged(check) ? EXIT.complete : EXIT.nothing;
}

export interface CheckOptions {
  readonly brokers: string;
  readonly records: string;
  readonly json?: boolean;
}

/** Reads, judges, prints; the exit code. */
export async function checkTopicOf(topic: string, options: CheckOptions, out: Out): Promise<number> {
  const most = Number(options.records);
  if (!Number.isInteger(most) || most < 1 || most > MOST_RECORDS) {
    out.warn(`--records: a whole number from 1 to ${MOST_RECORDS}.`);
    return EXIT.unread;
  }
  let read: TopicRead;
  try {
    read = await readNewest(options.brokers, topic, most, LIMITS);
  } catch (error) {
    out.warn((error as Error).message);
    return EXIT.unread;
  }
  const check = checkTopic(
    read.records.map(({ partition, record }) => topicRecord(topic, partition, record)),
    read.fromStart,
  );
  out.say(
    options.json === true
      ? JSON.stringify({ topic, partitions: read.partitions, ...check }, null, 2)
      : renderCheck(topic, read, check),
  );
  return exitCodeOf(check);
}

export function addCheckTopic(program: Command, brokers: () => Option, out: Out, done: (code: number) => void): void {
  program
    .command('check-topic <topic>')
    .description('which evidence the newest records of a result topic carry, and the best level that it allows')
    .addOption(brokers())
    .addOption(new Option('--records <n>', 'read at most so many').default('1000'))
    .option('--json', 'for programs')
    .addHelpText(
      'after',
      '\nExit codes: 0 nothing is missing, 1 it could not be read, 2 something is missing, 3 there is no result.',
    )
    .action(async (topic: string, options: CheckOptions) => done(await checkTopicOf(topic, options, out)));
}
