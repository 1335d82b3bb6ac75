import type { Link } from './link.js';

/**
 * A fault: something that is done to a running stack, and undone. Which process it hits is an argument; nothing here knows how
 * the servers are started, and nothing imports from src/.
 */
export interface Fault {
  /** For people and for the history, such as `kill mongodb`. */
  readonly name: string;
  /** Returns once it is on. */
  inject(): Promise<void>;
  /** Undoes it; returns once what was hit answers again. Safe to call when it is not on. */
  heal(): Promise<void>;
  isActive(): Promise<boolean>;
}

/** One supervised process. */
export interface Victim {
  readonly pid: number | undefined;
  readonly isAlive: boolean;
  /** kill -9 of all of it; it stays down. */
  kill9(): Promise<void>;
  /** An orderly end; it stays down. */
  stop(): Promise<void>;
  /** Starts it unless it runs, and waits until it answers. */
  start(): Promise<void>;
}

export const VICTIMS = [
  'processor',
  'server',
  'connect',
  'kafka',
  'postgres',
  'mongodb',
  'elasticsearch',
  'clickhouse',
] as const;
export type VictimName = (typeof VICTIMS)[number];

/** The Flink job, by whoever keeps it running. */
export interface FlinkJob {
  /** With all its tasks. */
  isRunning(): Promise<boolean>;
  checkpointsLater(more: number): Promise<void>;
  /** Until the next checkpoint is whole: its output lies in Kafka, and only now are its tasks told to commit it. */
  checkpointWritten(): Promise<void>;
  /** @returns where it lies; the job goes on */
  savepoint(): Promise<string>;
  /** Ends it, all its output committed; it stays down. @returns where its state lies */
  stopWithSavepoint(): Promise<string>;
  /** Ends it and begins it again from there. */
  restartFrom(path: string): Promise<void>;
}

/** Of a stack with Flink. */
export interface FlinkTarget {
  readonly processes: Readonly<Record<'jobmanager' | 'taskmanager', Victim>>;
  readonly flink: FlinkJob;
}

/** What faults are done to. */
export interface Target {
  readonly processes: Readonly<Record<VictimName, Victim>>;
  /** REST address of Kafka Connect. */
  readonly connectUrl: string;
  readonly postgresUrl: string;
  readonly flink?: FlinkJob | undefined;
}

/** Of a stack that the lab has made for it: links that can be cut, clocks that can be moved, a source to write to. */
export interface LabTarget extends Target {
  readonly kafkaBrokers: string;
  /** Of a server that answers whatever happens to the other one. */
  readonly graphqlUrl: string;
  /** Between the first server and what the name says. */
  readonly links: Readonly<Partial<Record<VictimName, Link>>>;
  /** By program: the file in which the offset of its clock stands (clock-shift.mjs). */
  readonly clocks: Readonly<Partial<Record<VictimName, string>>>;
}
