/**
 * Bugs that the lab puts into real servers, to show that its checkers find them. Each is an edit of the server's sources while
 * they are loaded (load.mjs): the sources know nothing of it, and a server that is started in any other way can't have one.
 */

/** What stands there is replaced; it must stand there exactly once. */
export interface Edit {
  /** From the repository's root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Bug {
  readonly name: string;
  /** For people: what the server does wrong. */
  readonly what: string;
  readonly edits: readonly Edit[];
  /** Faults, by name, in which it shows; each comes so often. Empty: it shows without. */
  readonly faults: readonly string[];
  readonly times: number;
  /** Results of these kinds are read: those that change all the time. Left out: all. */
  readonly kinds?: readonly string[];
  /** Who must find it, and which sentence is false then. */
  readonly caughtBy: { readonly checker: string; readonly sentences: readonly string[] };
}

/** Between two steps that a crash or a write may come in between. As wide as on a slow disk, so that a short run shows it. */
const gap = (ms: number): string => `await new Promise((resolve) => setTimeout(resolve, ${ms}));`;

export const BUGS: readonly Bug[] = [
  {
    name: 'wall-clock-sync',
    what: 'the time of the last CDC synchronisation is the server’s wall clock',
    edits: [
      {
        file: 'src/stores/mongodb/read.ts',
        find: 'return { applied: meta.applied, data: await data(meta, session) };',
        replace: `return {
        applied: { ...meta.applied, committedAt: (Date.now() * 1_000) as typeof meta.applied.committedAt },
        data: await data(meta, session),
      };`,
      },
    ],
    ...{ faults: ['cdc-pause'], times: 1 },
    caughtBy: { checker: 'no-overclaim', sentences: ['sync.known'] },
  },
  {
    name: 'position-after-data',
    what: 'MongoDB’s applied position is read after the data',
    edits: [
      {
        file: 'src/stores/mongodb/read.ts',
        find: 'return { applied: meta.applied, data: await data(meta, session) };',
        replace: `const found = await data(meta, session);
      ${gap(300)}
      return { applied: (await readApplied(db, limits, session)).applied, data: found };`,
      },
    ],
    ...{ faults: [], times: 0, kinds: ['order_window'] },
    caughtBy: { checker: 'no-overclaim', sentences: ['proven', 'as-of'] },
  },
  {
    name: 'refresh-ignored',
    what: 'Elasticsearch’s search position moves with the write, before the refresh',
    edits: [
      {
        file: 'src/stores/elasticsearch/position.ts',
        find: 'return { ...meta, applied, search: idle && searchable ? applied : meta.search };',
        replace: 'return { ...meta, applied, search: applied };',
      },
    ],
    ...{ faults: [], times: 0 },
    caughtBy: { checker: 'no-overclaim', sentences: ['set.as-of', 'proven', 'as-of'] },
  },
  {
    name: 'abort-list-ignored',
    what: 'records of aborted Kafka transactions are taken in',
    edits: [
      {
        file: 'src/ingest/kafkajs-fetch.ts',
        find: 'abortedRecords(partition.messages, partition.abortedTransactions ?? [])',
        replace: 'abortedRecords(partition.messages, [])',
      },
    ],
    ...{ faults: ['aborted-output results'], times: 3 },
    caughtBy: { checker: 'exactly-once', sentences: ['counted-once'] },
  },
  {
    name: 'offsets-before-write',
    what: 'the offsets are committed in a transaction of their own, before the rows',
    edits: [
      {
        file: 'src/ingest/commit.ts',
        find: '  if (all.results.length > 0) await tx.copy(all.results, all.provenance);\n  await hook(',
        replace: '  await hook(',
      },
      {
        file: 'src/ingest/commit.ts',
        find: '  const loaded = await load(tx, place, parts.incoming);\n  const incoming = await decidable(tx, parts, loaded);\n  const planned = plan(incoming, loaded, now);\n  const written',
        replace: `  await tx.advanceOffsets(place, { offset: last.offset, digest: digestOf(last) });
  await (tx as typeof tx & { commitOffsets(): Promise<void> }).commitOffsets();
  ${gap(100)}
  if (parts.results.length > 0) await tx.copy(parts.results, parts.provenance);
  const loaded = await load(tx, place, parts.incoming);
  const incoming = await decidable(tx, parts, loaded);
  const planned = plan(incoming, loaded, now);
  const written`,
      },
      {
        file: 'src/ingest/postgres.ts',
        find: '    async commit() {',
        replace: `    async commitOffsets() {
      await client.query('commit');
      await client.query('begin');
    },
    async commit() {`,
      },
    ],
    ...{ faults: ['kill server'], times: 3 },
    caughtBy: { checker: 'completeness', sentences: ['output-taken'] },
  },
];

export const bugNamed = (name: string): Bug | undefined => BUGS.find((each) => each.name === name);

/** What a program is started with so that it has the bug. @param seen a file in which each edit is written down once it was made */
export const bugEnvironment = ({ name, edits }: Bug, seen: string): Readonly<Record<string, string>> => ({
  NODE_OPTIONS: `--import=${new URL('./load.mjs', import.meta.url).href}`,
  TIDEMARK_SEEDED_BUG: JSON.stringify({ name, edits, seen }),
});
