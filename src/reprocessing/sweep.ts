/**
 * Finds what can be recomputed and nobody asked for: rows that are LOW, and rows that only the facts of their pipeline lower when they
 * are read (ADR 6, ADR 11), so that no transaction ever came by them. SQL only.
 */
import type { Pool } from 'pg';

/**
 * What a recomputation can repair; what only a person (a dead letter), or nobody, can is left alone. One that was tried, and
 * failed, is not tried again by itself.
 */
const REPAIRABLE = `array['RESTART_DUPLICATION', 'ROLLBACK_REFUSED', 'RESULT_EXPIRED', 'VIOLATION_VALUE_CONFLICT',
  'VIOLATION_REVISION_REGRESSION', 'VIOLATION_OUTPUT_GAP', 'VIOLATION_SOURCE_KEY_MOVED', 'VIOLATION_LATE_DROPPED', 'VIOLATION_ENGINE_DIVERGENCE']`;

const INSERT = `insert into reprocessing_requests (kind, business_key, engine, reason, requested_position, requested_by)`;
const TRIED = `exists (select from reprocessing_requests q where q.kind = r.kind and q.business_key = r.business_key
  and q.engine = r.engine and (q.state = 'OPEN' or (q.state = 'FAILED' and q.finished_position >= r.position)))`;

const SWEEP_LOW = `${INSERT}
  select r.kind, r.business_key, r.engine, (select x from unnest(r.reasons) x where x = any(${REPAIRABLE}) limit 1), r.position, 'sweep'
  from results r where r.cap = 'LOW' and r.reasons && ${REPAIRABLE} and r.kind = any($2) and not ${TRIED}
  order by r.position limit $1 on conflict do nothing`;

/** Open results of a run that does not own its source partition any more: lowered when they are read (ADR 6). */
const SWEEP_TAKEN_OVER = `${INSERT}
  select r.kind, r.business_key, r.engine, 'RESTART_DUPLICATION', r.position, 'sweep'
  from results r where r.engine = 'KAFKA_ONLY' and not r.final and r.cause <> 'REPROCESSED' and r.cap <> 'LOW'
    and r.pipeline = $3 and r.result_topic = $4 and r.result_partition = $5 and r.run <> all($6::text[])
    and r.kind = any($2) and not ${TRIED}
  limit $1 on conflict do nothing`;

const OWNERS = `
  select pipeline, result_topic as topic, result_partition as partition,
    array(select distinct a.value ->> 'run' from json_each(facts -> 'assignments') a order by 1) as runs
  from pipeline_facts where engine = 'KAFKA_ONLY'`;

/** Where output was lost, and up to where in the result partition's log that lowers what is open (ADR 6, ADR 11). */
const LOSSES = `
  select pipeline, result_topic as topic, result_partition as partition, facts ->> 'lossOffset' as loss,
    array(select regexp_replace(g, '/[^/]*$', '') from json_object_keys(facts -> 'gaps') g) as runs
  from pipeline_facts where facts ->> 'lossOffset' is not null`;

/** Open results from before the loss: nobody rewrote them, so nobody asked for them. Runs that went on are told by their records. */
const SWEEP_LOST = `${INSERT}
  select r.kind, r.business_key, r.engine, 'VIOLATION_OUTPUT_GAP', r.position, 'sweep'
  from results r where r.pipeline = $3 and r.result_topic = $4 and r.result_partition = $5 and not r.final and r.cap <> 'LOW'
    and (case when r.engine = 'FLINK' or r.cause = 'REPROCESSED' then r.result_offset < $6 else r.run = any($7) end)
    and r.kind = any($2) and not ${TRIED}
  order by r.position limit $1 on conflict do nothing`;

const CURRENT = `
  select pipeline, result_topic as topic, result_partition as partition, facts #>> '{current,run}' as run,
    coalesce(facts #> '{current,lineage}', '[]') as lineage
  from pipeline_facts where engine = 'FLINK' and facts #>> '{current,run}' is not null`;

/** What was rolled back, and was not said again since (ADR 11): nothing else will ever confirm it. */
const SWEEP_ROLLED_BACK = `${INSERT}
  select r.kind, r.business_key, r.engine, 'ROLLBACK_UNCONFIRMED', r.position, 'sweep'
  from results r where r.engine = 'FLINK' and r.pipeline = $3 and r.result_topic = $4 and r.result_partition = $5
    and r.cause <> 'REPROCESSED' and r.result_offset >= 0 and r.cap <> 'LOW' and r.run <> $6
    and not exists (select from json_array_elements($7::json) l where l ->> 0 = r.run and r.epoch <= (l ->> 1)::bigint)
    and r.kind = any($2) and not ${TRIED}
  order by r.position limit $1 on conflict do nothing`;

interface Place {
  readonly pipeline: string;
  readonly topic: string;
  readonly partition: number;
}

interface Owned extends Place {
  readonly runs: readonly string[];
}

interface Loss extends Place {
  readonly loss: string;
  readonly runs: readonly string[];
}

interface Current extends Place {
  readonly run: string;
  readonly lineage: readonly unknown[];
}

/** So many sweeps a restored job has for saying again what was rolled back, before others are asked. */
export const REPLAY_SWEEPS = 3;

const nameOf = (what: string, { pipeline, topic, partition }: Place): string =>
  `${what} ${pipeline}/${topic}/${partition}`;

/** @returns how many requests were made, at most as many */
export function createSweep(pool: Pool): (kinds: readonly string[], limit: number) => Promise<number> {
  /** What of a result partition → the owners, the loss, the run for which nothing is left to be asked for. */
  const swept = new Map<string, string>();
  /** Result partition → how many sweeps have seen its run. */
  const replaying = new Map<string, { readonly run: string; readonly times: number }>();

  /** Has the job that runs there had its time? */
  function hasReplayed(name: string, run: string): boolean {
    const known = replaying.get(name);
    const times = (known?.run === run ? known.times : 0) + 1;
    replaying.set(name, { run, times });
    return times > REPLAY_SWEEPS;
  }

  return async (kinds, limit) => {
    let found = (await pool.query(SWEEP_LOW, [limit, kinds])).rowCount ?? 0;
    /**
     * These are many rows to look through, and what comes later is never one of them: it is of the owners, behind the loss, of the
     * current run. So once nothing was found, that holds until the facts change.
     */
    const once = async (sql: string, what: string, at: Place, state: string, ...more: unknown[]): Promise<void> => {
      const name = nameOf(what, at);
      if (found >= limit || swept.get(name) === state) return;
      const values = [limit - found, kinds, at.pipeline, at.topic, at.partition, ...more];
      const count = (await pool.query(sql, values)).rowCount ?? 0;
      if (count === 0) swept.set(name, state);
      found += count;
    };
    for (const at of (await pool.query<Owned>(OWNERS)).rows)
      await once(SWEEP_TAKEN_OVER, 'owners', at, at.runs.join(), at.runs);
    for (const at of (await pool.query<Loss>(LOSSES)).rows)
      await once(SWEEP_LOST, 'loss', at, at.loss, at.loss, at.runs);
    for (const at of (await pool.query<Current>(CURRENT)).rows) {
      const { run, lineage } = at;
      if (hasReplayed(nameOf('run', at), run))
        await once(SWEEP_ROLLED_BACK, 'run', at, run, run, JSON.stringify(lineage));
    }
    return found;
  };
}
