/**
 * Watches the pipelines: twice a second their facts in Postgres, and what Flink's REST interface says of their jobs. It tells
 * of what begins and ends (events, gauges) and shows figures; no claim rests on it. Never in the path of a request.
 */
import type { Pool } from 'pg';
import type { PipelineFact } from '../contract/proof-port.js';
import { startPeriodic, type Periodic } from '../ingest/periodic.js';
import type { Highest } from '../position/highest.js';
import { Activities, heldUp, type Activity, type EndOf } from './activity.js';
import { jobIdOf, judge, type Judgements } from './conditions.js';
import { evolve, type Figures } from './figures.js';
import type { FlinkRest } from './rest.js';
import { changesOf, noteChanges, readPipelines } from './watch.js';

const EVERY_MS = 500;
const REST_EVERY_MS = 1_000;
/** What REST said longer ago than this says nothing of now. */
const FRESH_MS = 5_000;

export interface MonitorOptions {
  readonly pool: Pool;
  readonly highest: Highest;
  /** null: not configured, so that all of its figures are unknown. */
  readonly rest: FlinkRest | null;
  /** Does ingest read its topics? Else silence in band says nothing of Kafka. */
  readonly reads: () => boolean;
  /** Silence after which a pipeline has stopped. Milliseconds. */
  readonly silentMs: number;
  readonly monotonicMs: () => number;
  readonly warn: (error: unknown, message: string) => void;
  /** How far topics are written and can be read, where this server reads them. */
  readonly endOf: EndOf;
  /** The source of all pipelines. */
  readonly sourceTopic: string;
  readonly everyMs?: number;
}

export interface Monitor {
  /** What REST has said of the pipeline; null: nothing yet. */
  figures(pipeline: string): Figures | null;
  /** The newest judgement of each pipeline that was ever heard of. */
  judgements(): ReadonlyMap<string, Judgements>;
  /** What each pipeline was at when it was looked at last. */
  activities(): ReadonlyMap<string, Activity>;
  /** Has REST answered just now? null: it is not configured. */
  restAnswers(): boolean | null;
  stop(): Promise<void>;
}

export function startMonitor(options: MonitorOptions): Monitor {
  const { pool, highest, rest, reads, silentMs, monotonicMs, warn, endOf, everyMs = EVERY_MS } = options;
  /** By the name of the job. */
  const byName = new Map<string, Figures>();
  /** Pipeline → the name of its job: the pipeline's own, or whatever the job of its run is called. */
  const nameOf = new Map<string, string>();
  let judged = new Map<string, Judgements>();
  let active = new Map<string, Activity>();
  const activities = new Activities(endOf, options.sourceTopic);
  let answeredAtMs: number | null = null;
  let down = false;

  async function askRest(from: FlinkRest): Promise<void> {
    try {
      const jobs = await from.jobs();
      answeredAtMs = monotonicMs();
      for (const job of jobs) byName.set(job.name, evolve(byName.get(job.name) ?? null, job, answeredAtMs));
      down = false;
    } catch (error) {
      // Said once: a cluster that is away may be away for long.
      if (!down) warn(error, "Flink's REST interface does not answer: figures stay as they are");
      down = true;
    }
  }

  const fresh = (atMs: number | null): boolean => atMs !== null && monotonicMs() - atMs <= FRESH_MS;

  function figuresOf(facts: readonly PipelineFact[]): Figures | null {
    const pipeline = facts[0]?.pipeline ?? '';
    const ids = new Set(facts.map(({ run }) => jobIdOf(run)));
    const own = [...byName.values()].find(({ job }) => ids.has(job.id));
    if (own !== undefined) nameOf.set(pipeline, own.job.name);
    return byName.get(nameOf.get(pipeline) ?? pipeline) ?? null;
  }

  async function watch(): Promise<void> {
    const { facts, now, holding } = await readPipelines(pool);
    const next = new Map<string, Judgements>();
    const nextActive = new Map<string, Activity>();
    for (const [pipeline, own] of facts) {
      const figures = own[0]?.engine === 'FLINK' ? figuresOf(own) : null;
      const alive = figures !== null && fresh(figures.seenAtMs) && reads();
      const held = heldUp(own, now, endOf);
      const all = judge({ facts: own, now, figures, alive, silentMs, held });
      next.set(pipeline, all);
      nextActive.set(pipeline, activities.of(own, now));
      await noteChanges(pool, highest, own, changesOf(pipeline, all, holding));
    }
    judged = next;
    active = nextActive;
  }

  const loops: Periodic[] = [
    startPeriodic({ everyMs, run: watch, onError: (error) => warn(error, 'the pipelines could not be watched') }),
    ...(rest === null
      ? []
      : [
          startPeriodic({
            everyMs: options.everyMs ?? REST_EVERY_MS,
            run: () => askRest(rest),
            onError: () => undefined,
          }),
        ]),
  ];

  return {
    figures: (pipeline) => byName.get(nameOf.get(pipeline) ?? pipeline) ?? null,
    judgements: () => judged,
    activities: () => active,
    restAnswers: () => (rest === null ? null : fresh(answeredAtMs)),
    stop: async () => void (await Promise.all(loops.map((loop) => loop.stop()))),
  };
}
