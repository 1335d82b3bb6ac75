import Table from 'cli-table3';
import type { TopicEnds } from '../../generator/kafka.js';
import type { FolderSize } from './disk.js';

const QUERY = `{
  serverInfo { version position time }
  stores { store healthy appliedPosition behindBy stalenessMs }
  pipelines { name engine run state watermark sourceLag }
}`;

type Scalar = string | number | boolean | null | undefined;
type Row = Readonly<Record<string, Scalar>>;

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
  const down = (why: string): ServerStatus => ({
    kind: 'down',
    sentence: `The server at ${url} does not answer: ${why}.`,
  });
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: QUERY }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body = (await response.json()) as {
      data?: { serverInfo?: Row; stores?: Row[]; pipelines?: Row[] } | null;
      errors?: { message: string }[];
    };
    if (!body.data && !body.errors) return down(`HTTP ${response.status}`);
    return {
      kind: 'up',
      serverInfo: body.data?.serverInfo ?? null,
      stores: body.data?.stores ?? [],
      pipelines: body.data?.pipelines ?? [],
      errors: (body.errors ?? []).map((e) => e.message),
    };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const code = (cause as NodeJS.ErrnoException).code;
    return down(code ?? (cause instanceof Error ? cause.message : String(cause)));
  }
}

const shown = (value: Scalar): string => (value === null || value === undefined ? '-' : String(value));

function table(head: readonly string[], rows: readonly (readonly Scalar[])[]): string {
  const made = new Table({ head: [...head], style: { head: [], border: [], compact: true } });
  for (const row of rows) made.push(row.map(shown));
  return made.toString();
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
