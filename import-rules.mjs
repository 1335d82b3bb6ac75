/**
 * Who may import whom (docs/ARCHITECTURE.md). One list for the lint rule (eslint.config.mjs) and for the test
 * (test/architecture.test.ts), so that they can't drift apart.
 *
 * `from`: a folder or file. `may`: the only rooms of this repository that it may import, beside itself. What is not listed
 * here is free (main, cli, server).
 */
export const IMPORT_RULES = [
  { from: 'src/words.ts', may: [] },
  { from: 'src/errors.ts', may: [] },
  { from: 'src/timers.ts', may: [] },
  { from: 'src/position', may: ['src/words.ts', 'src/errors.ts'] },
  { from: 'src/log', may: ['src/errors.ts'] },
  { from: 'src/lab', may: ['src/errors.ts'] },
  { from: 'src/tracing', may: ['src/log', 'src/stores/port.ts', 'src/errors.ts', 'src/words.ts'] },
  { from: 'src/raw', may: ['src/log', 'src/errors.ts'] },
  { from: 'src/decision', may: ['src/position', 'src/errors.ts', 'src/words.ts'] },
  {
    from: 'src/contract/assess.ts',
    may: ['src/position', 'src/errors.ts', 'src/words.ts', 'src/contract/checkpoints.ts'],
  },
  {
    from: 'src/contract/checkpoints.ts',
    may: ['src/position', 'src/errors.ts', 'src/words.ts', 'src/contract/assess.ts'],
  },
  { from: 'src/planner', may: ['src/position', 'src/errors.ts', 'src/words.ts'] },
  {
    from: 'src/contract',
    may: [
      'src/planner',
      'src/position',
      'src/errors.ts',
      'src/words.ts',
      'src/timers.ts',
      'src/stores/port.ts',
      'src/stores/audit-port.ts',
      // Whose coverage is more is said in one place.
      'src/decision/coverage.ts',
      // So is how far the subtasks of a run have come.
      'src/decision/progress.ts',
    ],
  },
  {
    from: 'src/explain',
    may: [
      'src/contract/assess.ts',
      'src/contract/checkpoints.ts',
      'src/decision',
      'src/stores/audit-port.ts',
      'src/position',
      'src/errors.ts',
      'src/words.ts',
    ],
  },
  { from: 'src/stores/audit-port.ts', may: ['src/position', 'src/errors.ts', 'src/words.ts'] },
  { from: 'src/stores/repair-port.ts', may: ['src/stores/port.ts', 'src/position', 'src/words.ts'] },
  { from: 'src/stores/port.ts', may: ['src/stores/repair-port.ts', 'src/position', 'src/errors.ts', 'src/words.ts'] },
  ...['postgres', 'mongodb', 'elasticsearch', 'clickhouse'].map((store) => ({
    from: `src/stores/${store}`,
    may: [
      'src/stores/port.ts',
      'src/stores/document.ts',
      'src/stores/newest.ts',
      'src/position',
      'src/errors.ts',
      'src/words.ts',
      ...(store === 'postgres' ? ['src/stores/audit-port.ts'] : []),
      // The raw log is not a read model: it has a port of its own.
      ...(store === 'clickhouse' ? ['src/raw/port.ts'] : []),
    ],
  })),
  {
    from: 'src/staleness',
    may: ['src/stores/port.ts', 'src/position', 'src/timers.ts', 'src/errors.ts', 'src/words.ts'],
  },
  {
    from: 'src/ingest',
    may: [
      'src/decision',
      'src/staleness',
      'src/log',
      'src/stores/port.ts',
      'src/stores/document.ts',
      'src/position',
      'src/timers.ts',
      'src/errors.ts',
      'src/words.ts',
      'wire',
    ],
  },
  {
    from: 'src/monitor',
    may: [
      'src/contract/checkpoints.ts',
      'src/contract/evidence.ts',
      'src/contract/pipeline-facts.ts',
      'src/contract/proof-port.ts',
      'src/ingest/clock.ts',
      'src/ingest/periodic.ts',
      'src/ingest/postgres.ts',
      'src/ingest/rewound.ts',
      'src/log/ends.ts',
      'src/raw/port.ts',
      'src/staleness',
      'src/position',
      'src/timers.ts',
      'src/errors.ts',
      'src/words.ts',
    ],
  },
  {
    from: 'src/audit',
    may: [
      'src/stores/port.ts',
      'src/stores/document.ts',
      'src/stores/listing.ts',
      'src/stores/postgres/row.ts',
      'src/ingest/clock.ts',
      'src/ingest/port.ts',
      'src/ingest/postgres.ts',
      'src/ingest/rewound.ts',
      'src/staleness',
      'src/position',
      'src/errors.ts',
      'src/words.ts',
    ],
  },
  {
    from: 'src/reprocessing',
    may: [
      'src/log',
      'src/raw/port.ts',
      'src/stores/audit-port.ts',
      'src/position',
      'src/errors.ts',
      'src/words.ts',
      'fold',
      'wire',
    ],
  },
  {
    from: 'src/projections',
    may: [
      'src/log',
      'src/stores/port.ts',
      'src/stores/document.ts',
      'src/position',
      'src/timers.ts',
      'src/errors.ts',
      'src/words.ts',
      'wire',
    ],
  },
  {
    from: 'src/schema',
    may: [
      'src/contract',
      'src/stores/port.ts',
      'src/stores/audit-port.ts',
      'src/position',
      'src/errors.ts',
      'src/words.ts',
      'wire',
    ],
  },
  {
    from: 'src/resolvers',
    may: [
      'src/schema',
      'src/contract',
      'src/explain',
      'src/lab/port.ts',
      'src/staleness',
      'src/stores/port.ts',
      'src/stores/audit-port.ts',
      'src/position',
      'src/errors.ts',
      'src/words.ts',
    ],
  },
  { from: 'generator', may: ['wire'] },
  // The fold of contract §4 in TypeScript: by the processor as it goes, by who recomputes a result from the source.
  { from: 'fold', may: ['wire'] },
  { from: 'processing', may: ['wire', 'fold'] },
  { from: 'wire', may: [] },
  // What apps import: it knows the server by what goes over the wire alone.
  { from: 'client', may: [] },
  { from: 'client/apollo', may: ['client'] },
  // A client like any other: the public API and the SDK.
  { from: 'console', may: ['client'] },
  // What people copy: it knows the client as its users do, by the package's name.
  { from: 'examples', may: [] },
  { from: 'lab', may: ['wire'] },
  // The simulation drives the server's own code in one process; what judges it (lab/checkers) still knows nothing of src.
  { from: 'lab/simulation', may: ['src', 'wire', 'lab/checkers', 'lab/history/types.ts'] },
  // It starts what it breaks: the stack, by the same code as the tests.
  { from: 'lab/soak', may: ['wire', 'lab', 'stack', 'test/harness'] },
  { from: 'lab/runner', may: ['wire', 'lab', 'stack', 'test/harness'] },
  // Clients of a run: some of them speak by the SDK.
  { from: 'lab/workloads', may: ['wire', 'lab/history', 'client'] },
  // Functions of a history: they know its types and its clocks, not how it is recorded.
  { from: 'lab/checkers', may: ['wire', 'lab/history/types.ts', 'lab/history/clock.ts'] },
];

/** Tests may look where they like: they hold the rooms to their claims. */
export const IS_TEST = /(\.test\.ts$|\/test-support\/|conformance[^/]*\.ts$)/;
