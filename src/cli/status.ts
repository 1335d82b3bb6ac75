import type { TopicEnds } from '../../generator/kafka.js';
import { askGraphql } from './ask.js';
import type { FolderSize } from './disk.js';
import { shown, table, type Row, type Scalar } from './table.js';

const STORES = 'stores { store healthy appliedPosition behindBy stalenessMs }';
const QUERY = `{
  serverInfo { version position time }
  ${STORES}
  pipelines {
    name engine run state conditions watermark sourceLag jobState checkpointIntervalMs lastCheckpointId lastCheckpointSeenTime
    lastCheckpointDurationMs completedCheckpoints failedCheckpoints restarts
  }
}`;
/** A change takes about so long on its way to the read models: a store that is behind by what came just now is not behind. */
const LOOK_AGAIN_MS = 400;
const MOST_LOOKS = 3;

/** What the server answered, or why it did not. */
export type ServerStatus =
  | {
      readonly kind: 'up';
      readonly serverInfo: Row | null;
      readonly stores: readonly Row[];
      readonly pipelines: readonly Row[];
      readonly errors: readonly string[];
    }
  | { readonly kind: 'down'; readonly sentence: string };

/**
 * What the stores had not applied when they were asked first, and have not applied since. Each look finds newer changes on their
 * way; those are nobody's delay.
 */
async function settled(
  first: readonly Row[],
  position: Scalar,
  again: () => Promise<readonly Row[]>,
  lookAgainMs: number,
): Promise<readonly Row[]> {
  let stores = first;
  for (let look = 1; look < MOST_LOOKS && stores.some(({ behindBy }) => Number(behindBy ?? 0) > 0); look++) {
    await new Promise((done) => setTimeout(done, lookAgainMs));
    const reached = position === null || position === undefined ? null : BigInt(String(position));
    stores = (await again()).map((row) => {
      const { appliedPosition: applied } = row;
      const caughtUp =
        reached !== null && applied !== null && applied !== undefined && BigInt(String(applied)) >= reached;
      return caughtUp ? { ...row, behindBy: '0' } : row;
    });
  }
  return stores;
}

/** Asks the GraphQL server; never throws. */
export async function askServer(
  url: string,
  timeoutMs: number,
  lookAgainMs: number = LOOK_AGAIN_MS,
): Promise<ServerStatus> {
  try {
    const { data, errors } = await askGraphql(url, QUERY, { timeoutMs });
    const serverInfo = (data?.['serverInfo'] as Row | undefined) ?? null;
    const again = async (): Promise<readonly Row[]> =>
      ((await askGraphql(url, `{ ${STORES} }`, { timeoutMs })).data?.['stores'] as Row[] | undefined) ?? [];
    return {
      kind: 'up',
      serverInfo,
      stores: await settled(
        (data?.['stores'] as Row[] | undefined) ?? [],
        serverInfo?.['position'],
        again,
        lookAgainMs,
      ),
      pipelines: (data?.['pipelines'] as Row[] | undefined) ?? [],
      errors: errors.map((e) => e.message),
    };
  } catch (error) {
    return { kind: 'down', sentence: `The server at ${url} does not answer: ${(error as Error).message}.` };
  }
}

const pick = (rows: readonly Row[], fields: readonly string[]): Scalar[][] => rows.map((r) => fields.map((f) => r[f]));

/** Seconds between two times of one clock; null: one of them is unknown. */
function ageOf(since: Scalar, now: Scalar): string | null {
  if (typeof since !== 'string' || typeof now !== 'string') return null;
  return `${(Math.max(0, Date.parse(now) - Date.parse(since)) / 1000).toFixed(1)} s`;
}

const CHECKPOINTS = [
  'pipeline',
  'job',
  'checkpoint',
  'age',
  'every',
  'took',
  'done',
  'failed',
  'restarts',
  'wrong now',
];

/** A line per pipeline that takes checkpoints; null: none does. */
function checkpointTable(pipelines: readonly Row[], now: Scalar): string | null {
  const taking = pipelines.filter(({ engine }) => engine === 'FLINK');
  const ms = (value: Scalar): string | null => (typeof value === 'number' ? `${value} ms` : null);
  const rows = taking.map((p) => [
    p['name'],
    p['jobState'],
    p['lastCheckpointId'],
    ageOf(p['lastCheckpointSeenTime'], now),
    ms(p['checkpointIntervalMs']),
    ms(p['lastCheckpointDurationMs']),
    p['completedCheckpoints'],
    p['failedCheckpoints'],
    p['restarts'],
    // A list of names.
    shown(p['conditions']) === '' ? null : p['conditions'],
  ]);
  return rows.length === 0 ? null : table(CHECKPOINTS, rows);
}

const MB = 1024 * 1024;

/** Largest first, with the sum. Of servers elsewhere nothing is known here. */
function diskTable(data: string, sizes: readonly FolderSize[] | null): string {
  if (sizes === null) return `No data of a stack in ${data}: what its servers take on their disks is not known here.`;
  const inMb = (bytes: number): string => String(Math.ceil(bytes / MB));
  const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  const rows = [...sizes.map(({ folder, bytes }) => [folder, inMb(bytes)]), ['all', inMb(total)]];
  return table(['disk', 'MB'], rows);
}

/** One screen: server, stores, pipelines, topics, disk. What is down is said in a sentence. */
export function renderStatus(
  server: ServerStatus,
  topics: readonly TopicEnds[] | { readonly sentence: string },
  disk: { readonly data: string; readonly sizes: readonly FolderSize[] | null },
): string {
  const parts: string[] = [];
  if (server.kind === 'down') parts.push(server.sentence);
  else {
    const info = server.serverInfo;
    if (info)
      parts.push(`Tidemark ${shown(info['version'])}, position ${shown(info['position'])}, ${shown(info['time'])}`);
    for (const message of server.errors) parts.push(`The server says: ${message}`);
    const stores = ['store', 'healthy', 'appliedPosition', 'behindBy', 'stalenessMs'];
    if (server.stores.length > 0)
      parts.push(table(['store', 'healthy', 'applied', 'behind by', 'staleness ms'], pick(server.stores, stores)));
    const pipelines = ['name', 'engine', 'run', 'state', 'watermark', 'sourceLag'];
    if (server.pipelines.length > 0)
      parts.push(table(['pipeline', 'engine', 'run', 'state', 'watermark', 'lag'], pick(server.pipelines, pipelines)));
    else if (server.errors.length === 0) parts.push('No pipeline has reported yet.');
    const checkpoints = checkpointTable(server.pipelines, info?.['time']);
    if (checkpoints !== null) parts.push(checkpoints);
  }
  if ('sentence' in topics) parts.push(topics.sentence);
  else {
    const rows = topics.map((t) => [
      t.topic,
      t.partitions.reduce((sum, p) => sum + p.high - p.low, 0),
      t.partitions.map((p) => `${p.partition}:${p.high}`).join(' '),
    ]);
    parts.push(rows.length > 0 ? table(['topic', 'records', 'end offsets'], rows) : 'None of the topics exists yet.');
  }
  parts.push(diskTable(disk.data, disk.sizes));
  return parts.join('\n');
}
