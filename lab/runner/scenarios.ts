/** What can be run: which faults of those that the stack has, in which company. Data. */
import type { Stream } from '../workloads/streams.js';

export interface Scenario {
  readonly name: string;
  /** For people: what is done. */
  readonly what: string;
  /** Does this fault, by its name, belong to it? */
  readonly has: (fault: string) => boolean;
  /** Share of rounds with two faults at once. */
  readonly pairs: number;
  readonly stream: Stream;
  /** How long a fault is on, when that is not left to chance between the usual limits. Milliseconds. */
  readonly holdMs?: readonly [number, number];
}

const named =
  (...names: readonly string[]) =>
  (fault: string): boolean =>
    names.includes(fault);
/** All faults of one victim. */
const of =
  (...victims: readonly string[]) =>
  (fault: string): boolean =>
    victims.includes(fault.split(' ')[1] ?? 'connector');
const linked = (fault: string): boolean => fault.split(' ')[0]?.endsWith('-link') === true;
const all = (): boolean => true;

const one = (
  name: string,
  what: string,
  has: Scenario['has'],
  rest: Partial<Pick<Scenario, 'pairs' | 'stream' | 'holdMs'>> = {},
): Scenario => ({ name, what, has, pairs: 0, stream: 'uniform', ...rest });

/** A checkpoint that can't be made for so long is given up by the job. */
const LONG_MS = [12_000, 20_000] as const;

export const SCENARIOS: readonly Scenario[] = [
  one('consumer-restart', 'the Kafka-only processor is restarted, killed, stopped', of('processor')),
  one('job-restart', 'the Flink job is stopped with a savepoint and begun again', named('restart-job jobmanager')),
  one('taskmanager-kill', 'the TaskManager is killed, also between pre-commit and commit', (fault) =>
    /^kill.* taskmanager$/.test(fault),
  ),
  one('jobmanager-kill', 'the JobManager is killed', named('kill jobmanager')),
  one('checkpoint-timeout', 'the TaskManager hangs: checkpoints are not made', named('freeze taskmanager'), {
    holdMs: LONG_MS,
  }),
  one('older-checkpoint', 'the job is restored from an older state', named('older-checkpoint jobmanager')),
  one('cdc-pause', 'the CDC connector is paused', named('cdc-pause')),
  one('cdc', 'the connector paused, stopped, its task failed, its slot’s backend ended, Connect killed', (fault) =>
    of('connector', 'connect')(fault),
  ),
  one('broker', 'Kafka is restarted, killed, stopped', of('kafka'), { stream: 'bursts' }),
  one('postgres', 'Postgres is restarted, killed, stopped, its link slow, silent, cut', of('postgres')),
  one('stores', 'each read model is restarted, killed, stopped, without room, its link slow, silent, cut', (fault) =>
    of('mongodb', 'elasticsearch', 'clickhouse')(fault),
  ),
  one('links', 'each link is slow, silent, cut', linked, { stream: 'zipf' }),
  one('server', 'a server is killed, stopped, made a zombie, its clock set wrong', of('server'), { stream: 'zipf' }),
  one('poison', 'records that nobody can decode, also while dead letters can’t be written', of('source')),
  one('aborted-output', 'wrong results in a transaction that is aborted', of('results')),
  one('mixed', 'everything, now and then two at once', all, { pairs: 0.2, stream: 'zipf' }),
  one('all', 'everything, one after the other', all),
];

export const scenarioNamed = (name: string): Scenario | undefined => SCENARIOS.find((each) => each.name === name);
