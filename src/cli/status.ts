import type { TopicEnds } from '../../generator/kafka.js';
import { askGraphql } from './ask.js';
import type { FolderSize } from './disk.js';
import { shown, table, type Row, type Scalar } from './table.js';

const QUERY = `{
  serverInfo { version position time }
  stores { store healthy appliedPosition behindBy stalenessMs }
  pipelines { name engine run state watermark sourceLag }
}`;

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

/** Asks the GraphQL server; never throws. */
export async function askServer(url: string, timeoutMs: number): Promise<ServerStatus> {
  try {
    const { data, errors } = await askGraphql(url, QUERY, { timeoutMs });
    return {
      kind: 'up',
      serverInfo: (data?.['serverInfo'] as Row | undefined) ?? null,
      stores: (data?.['stores'] as Row[] | undefined) ?? [],
      pipelines: (data?.['pipelines'] as Row[] | undefined) ?? [],
      errors: errors.map((e) => e.message),
    };
  } catch (error) {
    return { kind: 'down', sentence: `The server at ${url} does not answer: ${(error as Error).message}.` };
  }
}

const pick = (rows: readonly Row[], fields: readonly string[]): Scalar[][] => rows.map((r) => fields.map((f) => r[f]));

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
