/** What is done to a stack in trials of liveness, and what has to be said of it. */
import pg from 'pg';
import { cdcThrottle } from '../faults/cdc-throttle.js';
import { clockOffset } from '../faults/clock-offset.js';
import { Connector } from '../faults/connector.js';
import { taskFailure } from '../faults/task-failure.js';
import type { LabTarget } from '../faults/fault.js';
import type { Kind } from './trials.js';

export const READ_MODELS = ['MONGODB', 'ELASTICSEARCH', 'CLICKHOUSE'] as const;
const SLOT = 'tidemark_commit_log';
/** Of the commit clock, and of a pipeline. */
const BEAT_MS = 200;
const PIPELINE_BEAT_MS = 1_000;
const LATE_WITHIN_MS = 60_000;

/** What a transaction on a topic is opened and ended by. */
export interface HangingTransaction {
  begin(): Promise<void>;
  abort(): Promise<void>;
}

export interface KindOptions {
  readonly target: Pick<LabTarget, 'connectUrl' | 'postgresUrl' | 'kafkaBrokers'>;
  /** In which the offset of the server's clock stands (clock-shift.mjs). */
  readonly clockFile: string;
  /** On a result partition of `pipeline`. */
  readonly hanging: HangingTransaction;
  readonly pipeline: string;
  /** The newest position that any read model has applied. */
  readonly applied: () => Promise<bigint>;
  /** Writes one event to the source. */
  readonly write: () => Promise<void>;
  /** Calls back with what the server's clock is off by from now on. Milliseconds. */
  readonly shifted: (offsetMs: number) => void;
}

const forAll = (...states: string[]): Record<string, readonly string[]> =>
  Object.fromEntries(READ_MODELS.map((store) => [store, states]));
const CUT_OFF = forAll('CUT_OFF', 'BACK_PRESSURE');

async function sql(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/**
 * By what stores and Postgres say, not by what is to be judged: the oldest position that no read model has applied was committed so
 * long ago, after something had arrived as late.
 */
async function untilLate({ target, applied }: KindOptions, lateMs: number): Promise<void> {
  const client = await sql(target.postgresUrl);
  const end = performance.now() + LATE_WITHIN_MS;
  let from: bigint | null = null;
  let arrived = false;
  try {
    while (performance.now() < end) {
      const position = await applied();
      const { rows } = await client.query<{ late: boolean }>(
        `select (extract(epoch from clock_timestamp()) * 1e6)::bigint - committed_at_us > $2::bigint as late
           from commit_log where position = $1::bigint + 1 and part = 0`,
        [String(position), lateMs * 1_000],
      );
      const isLate = rows[0]?.late === true;
      if (arrived && isLate) return;
      arrived ||= from !== null && position > from;
      from = isLate ? position : null;
    }
  } finally {
    await client.end();
  }
  throw new Error(`nothing was late by ${lateMs} ms within ${LATE_WITHIN_MS / 1000} s`);
}

function cdcKinds(options: KindOptions): Kind[] {
  const { target } = options;
  const connector = new Connector(target.connectUrl);
  const failure = taskFailure(target as LabTarget);
  const throttle = cdcThrottle(target);
  const cdc = (name: string, becomes: string, does: Pick<Kind, 'inject' | 'heal'>): Kind => ({
    name,
    subject: 'CDC',
    becomes,
    beside: CUT_OFF,
    heartbeatMs: BEAT_MS,
    ...does,
  });
  return [
    cdc('paused connector', 'CONNECTOR_PAUSED', {
      inject: () => connector.become('pause', 'PAUSED'),
      heal: () => connector.become('resume', 'RUNNING'),
    }),
    cdc('failed task', 'TASK_FAILED', { inject: failure.inject, heal: failure.heal }),
    cdc('slot backend terminated', 'SLOT_UNREAD', {
      inject: async () => {
        const client = await sql(target.postgresUrl);
        await client.query('select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1', [
          SLOT,
        ]);
        await client.end();
      },
      // It would come back by itself, after ten seconds.
      heal: () => connector.restart(),
    }),
    cdc('back-pressure', 'BACK_PRESSURE', {
      // A quota is one of an average: it takes effect after a while. In force it is once something is late by two heartbeats.
      inject: async () => {
        await throttle.inject();
        await untilLate(options, 2 * BEAT_MS);
      },
      // What the broker holds back already it would hold back for seconds yet.
      heal: async () => {
        await throttle.heal();
        await connector.restart();
      },
    }),
  ];
}

function clockHeld({ target }: KindOptions): Kind {
  let client: pg.Client | null = null;
  return {
    name: 'hanging transaction (commit clock)',
    subject: 'COMMIT_CLOCK',
    becomes: 'HANGING_TRANSACTION',
    // Nothing is committed, so nothing is missing anywhere: CDC is well.
    beside: {},
    heartbeatMs: BEAT_MS,
    inject: async () => {
      client = await sql(target.postgresUrl);
      await client.query('begin');
      await client.query('select 1 from commit_clock for update');
    },
    heal: async () => {
      await client?.query('rollback').catch(() => undefined);
      await client?.end();
      client = null;
    },
  };
}

/** In the order in which they are tried. */
export function kinds(options: KindOptions, direction: 1 | -1): Kind[] {
  const { pipeline, hanging, write, shifted, clockFile } = options;
  const clock = clockOffset('server', clockFile, direction * 30_000);
  return [
    {
      name: 'idle topic',
      subject: pipeline,
      becomes: 'IDLE',
      beside: { [pipeline]: ['ACTIVE'] },
      heartbeatMs: PIPELINE_BEAT_MS,
      inject: write,
      heal: async () => undefined,
    },
    {
      name: `clock ${direction > 0 ? '+' : '−'}30 s`,
      subject: 'SERVER_CLOCK',
      becomes: 'OFF',
      // Until it has looked.
      beside: { SERVER_CLOCK: ['IN_STEP'] },
      heartbeatMs: BEAT_MS,
      inject: async () => {
        await clock.inject();
        shifted(direction * 30_000);
      },
      // It stays wrong while all others are tried.
      heal: async () => undefined,
    },
    ...cdcKinds(options),
    clockHeld(options),
    {
      name: 'hanging transaction (result topic)',
      subject: pipeline,
      becomes: 'LSO_BLOCKED',
      beside: { [pipeline]: ['ACTIVE'] },
      heartbeatMs: PIPELINE_BEAT_MS,
      inject: () => hanging.begin(),
      heal: () => hanging.abort(),
    },
    {
      name: 'clock right again',
      subject: 'SERVER_CLOCK',
      becomes: 'IN_STEP',
      beside: { SERVER_CLOCK: ['OFF'] },
      heartbeatMs: BEAT_MS,
      inject: async () => {
        await clock.heal();
        shifted(0);
      },
      heal: async () => undefined,
    },
  ];
}

/** @param offMs of the server's clock */
export const atRest = (pipeline: string, offMs: number): Record<string, readonly string[]> => ({
  COMMIT_CLOCK: ['BEATING'],
  CDC: ['FLOWING'],
  SERVER_CLOCK: [offMs === 0 ? 'IN_STEP' : 'OFF'],
  ...forAll('FLOWING'),
  [pipeline]: ['IDLE'],
});
