/** What the lab sees of a stack with Flink, for its tests. */
import { missingResults } from '../../lab/checkers/missing.js';
import { readHistory } from '../../lab/history/file.js';
import { Recorder } from '../../lab/history/record.js';
import { keyOf, type History } from '../../lab/history/types.js';
import type { TestStack } from './stack.js';

/** Watches the stack from outside, as the soak does. Its own writer is left out: it writes events of now, ours are of the past. */
export const recorderOf = (stack: TestStack, runs: string): Recorder =>
  new Recorder({
    servers: [stack.graphqlUrl],
    brokers: stack.kafkaBrokers,
    stores: {
      postgres: stack.postgresUrl,
      mongodb: stack.mongoUrl,
      elasticsearch: stack.elasticsearchUrl,
      clickhouse: stack.clickhouseUrl,
    },
    runs,
    seed: 6,
    rate: 20,
    sessions: 4,
    writesPerSecond: 0,
    finalOthers: 300,
    missing: async (folder) => missingResults(await readHistory(folder, ['answer', 'poll'])),
  });

/** Results of Flink that a later run has sent once more, though they had been accepted: a duplicate, however equal. */
export function duplicates({ truth }: History): string[] {
  const last = new Map<string, string>();
  return truth.flatMap(({ documents }) =>
    documents.flatMap((document) => {
      const id = keyOf(document);
      if (document.engine !== 'FLINK' || document.reasons.length > 0) return [];
      const [run, revision] = last.get(id)?.split(' ') ?? [];
      last.set(id, `${document.run} ${document.revision}`);
      return run !== undefined && run !== document.run && Number(revision) >= document.revision ? [id] : [];
    }),
  );
}
