import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const FOLD = fileURLToPath(new URL('../oracle/fold.py', import.meta.url));
const FORMAT = {
  'print.partition': 'true',
  'print.offset': 'true',
  'print.key': 'true',
  'key.separator': '\x1f',
  'line.separator': '\x1e',
  'null.literal': '\x1d',
};

/** fold.py was shown less than it was told to wait for. */
const ENDED_EARLY = 3;
/**
 * The console consumer gives out what it holds back when it ends: after so many records, if nobody else is writing; else when
 * nothing comes for so long. Longer is slower, and on a busy machine too short. Milliseconds.
 */
const ATTEMPTS = [
  { counting: true, silentMs: 8_000 },
  { counting: false, silentMs: 8_000 },
  { counting: false, silentMs: 30_000 },
  { counting: false, silentMs: 120_000 },
];
type Attempt = (typeof ATTEMPTS)[number];

export interface OracleOptions {
  /** Java class path of Kafka's jars, e.g. `/path/lib/*`. */
  readonly classpath: string;
  readonly brokers: string;
  readonly topic?: string;
  /** Exclusive end offsets by partition; default: the topic's ends when called, so that a running writer does no harm. */
  readonly ends?: Readonly<Record<number, number>>;
  readonly windowMs?: number;
  /** Without evidence, for very many events: what an anomaly rests on may be thousands of orders. */
  readonly valuesOnly?: boolean;
}

/** One expected result, as fold.py writes it. */
export interface OracleRow {
  readonly kind: string;
  readonly business_key: string;
  readonly op: 'upsert' | 'delete';
  readonly calculated_value: Record<string, unknown>;
  readonly evidence: { readonly coverage: Readonly<Record<string, readonly [number, number]>> };
}

/** Expected results of one kind by business key. */
export async function runOracle(
  options: OracleOptions & { readonly kind?: string },
): Promise<Map<string, Record<string, unknown>>> {
  const rows = (await runOracleAll(options)).filter((row) => row.kind === (options.kind ?? 'order_window'));
  return new Map(rows.map((row) => [row.business_key, { ...row }]));
}

/** Expected results of all kinds. Shares no code with what it checks. */
export async function runOracleAll(options: OracleOptions): Promise<OracleRow[]> {
  const rows: OracleRow[] = [];
  await eachOracleRow(options, (row) => rows.push(row));
  return rows;
}

/** The same, one after the other: a million of them at once would be longer than a text may be. */
export async function eachOracleRow(options: OracleOptions, visit: (row: OracleRow) => void): Promise<void> {
  const topic = options.topic ?? 'orders.events';
  const ends = options.ends ?? (await endOffsets(options.classpath, options.brokers, topic));
  if (Object.values(ends).every((offset) => offset === 0)) return;

  for (const attempt of ATTEMPTS) {
    const code = await foldOnce(options, topic, ends, attempt, visit);
    if (code === 0) return;
    if (code !== ENDED_EARLY) throw new Error(`fold.py ended with ${code}`);
  }
  throw new Error(`the console consumer did not show ${topic} up to ${JSON.stringify(ends)}`);
}

/** @returns fold.py's exit code; if it is not 0, nothing was visited. */
async function foldOnce(
  options: OracleOptions,
  topic: string,
  ends: Readonly<Record<number, number>>,
  { counting, silentMs }: Attempt,
  visit: (row: OracleRow) => void,
): Promise<number> {
  const end = Object.entries(ends).map(([p, o]) => `${p}:${o}`);
  const records = Object.values(ends).reduce((sum, offset) => sum + offset, 0);
  const most = counting ? ['--max-messages', String(records)] : [];
  const from = ['--topic', topic, '--from-beginning', '--timeout-ms', String(silentMs), ...most];
  const server = ['--bootstrap-server', options.brokers, ...from];
  const format = Object.entries(FORMAT).flatMap(([k, v]) => ['--formatter-property', `${k}=${v}`]);
  const args = [...javaArgs(options.classpath), 'org.apache.kafka.tools.consumer.ConsoleConsumer', ...server];
  const consumer = spawn('java', [...args, '--isolation-level', 'read_committed', ...format], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return eachFoldLine(
    [
      ...['--console', '--end', end.join(','), '--window-ms', String(options.windowMs ?? 300_000)],
      ...(options.valuesOnly === true ? ['--values-only'] : []),
    ],
    (stdin) => {
      stdin.on('error', () => undefined); // the fold closes its end as soon as it has seen enough
      consumer.stdout.pipe(stdin);
    },
    (line) => visit(JSON.parse(line) as OracleRow),
  ).finally(() => consumer.kill());
}

/** Runs fold.py; `feed` gets its standard input. */
export async function runFold(args: readonly string[], feed: (stdin: NodeJS.WritableStream) => void): Promise<string> {
  const lines: string[] = [];
  const code = await eachFoldLine(args, feed, (line) => lines.push(`${line}\n`));
  if (code !== 0) throw new Error(`fold.py ended with ${code}`);
  return lines.join('');
}

async function eachFoldLine(
  args: readonly string[],
  feed: (stdin: NodeJS.WritableStream) => void,
  visit: (line: string) => void,
): Promise<number> {
  const python = spawn('python3', [FOLD, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<number>((resolve, reject) => {
    python.on('error', reject);
    python.on('close', (code) => resolve(code ?? -1));
  });
  feed(python.stdin);
  const read = async (): Promise<void> => {
    for await (const line of createInterface({ input: python.stdout, crlfDelay: Infinity }))
      if (line !== '') visit(line);
  };
  const [, code] = await Promise.all([read(), ended]);
  return code;
}

const javaArgs = (classpath: string): string[] => ['-Xmx256m', '-XX:+UseSerialGC', '-cp', classpath];

async function endOffsets(classpath: string, brokers: string, topic: string): Promise<Record<number, number>> {
  const args = [
    'org.apache.kafka.tools.GetOffsetShell',
    '--bootstrap-server',
    brokers,
    '--topic',
    topic,
    '--time',
    '-1',
  ];
  const java = spawn('java', [...javaArgs(classpath), ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  let out = '';
  for await (const chunk of java.stdout) out += String(chunk);
  const lines = out.split('\n').filter((l) => l.startsWith(`${topic}:`));
  if (lines.length === 0) throw new Error(`no end offsets of ${topic} at ${brokers}`);
  const ends: Record<number, number> = {};
  for (const [, partition, end] of lines.map((l) => l.split(':'))) ends[Number(partition)] = Number(end);
  return ends;
}
