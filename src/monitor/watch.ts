/**
 * The conditions of pipelines in Postgres: what holds has a row. Whoever writes or removes the row writes the event in the
 * same transaction, so that each transition is told once, by whichever server saw it first, and across restarts.
 */
import type { Pool } from 'pg';
import { pipelineFacts, type StoredFacts } from '../contract/pipeline-facts.js';
import type { PipelineFact } from '../contract/proof-port.js';
import { NOW_US } from '../ingest/clock.js';
import { beginOn } from '../ingest/postgres.js';
import { checkedTick } from '../ingest/rewound.js';
import type { Highest } from '../position/highest.js';
import { micros, type Micros } from '../position/position.js';
import type { NewEvent } from '../staleness/transitions.js';
import { CONDITION_NAMES, CONDITIONS, type Condition, type Judgements } from './conditions.js';

export interface Seen {
  /** By pipeline, one per result partition. */
  readonly facts: ReadonlyMap<string, readonly PipelineFact[]>;
  /** Postgres' time of the same read. */
  readonly now: Micros;
  /** `<pipeline>/<condition>` of what holds. */
  readonly holding: ReadonlySet<string>;
}

export const holdingId = (pipeline: string, condition: Condition): string => `${pipeline}/${condition}`;

export async function readPipelines(pool: Pick<Pool, 'query'>): Promise<Seen> {
  const { rows } = await pool.query<{ facts: StoredFacts[]; holding: string[]; now_us: string }>({
    name: 'watch-pipelines',
    text: `select (select coalesce(json_agg(f), '[]') from pipeline_facts f) as facts,
             array(select pipeline || '/' || condition from pipeline_conditions) as holding, ${NOW_US} as now_us`,
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the facts of the pipelines could not be read');
  const facts = new Map<string, PipelineFact[]>();
  for (const fact of pipelineFacts(row.facts)) facts.set(fact.pipeline, [...(facts.get(fact.pipeline) ?? []), fact]);
  return { facts, now: micros(row.now_us), holding: new Set(row.holding) };
}

interface Change {
  readonly condition: Condition;
  readonly message: string;
  readonly begins: boolean;
}

/** What has changed since it was noted last. Pure. */
export function changesOf(pipeline: string, judged: Judgements, holding: ReadonlySet<string>): Change[] {
  return CONDITION_NAMES.flatMap((condition) => {
    const one = judged[condition];
    if (one === null || one.holds === holding.has(holdingId(pipeline, condition))) return [];
    const message = one.holds ? one.message : `${pipeline}: ${condition} is over.`;
    return [{ condition, message, begins: one.holds }];
  });
}

const BEGIN = `insert into pipeline_conditions (pipeline, condition, since_us) values ($1, $2, ${NOW_US})
  on conflict do nothing returning condition`;
const END = `delete from pipeline_conditions where pipeline = $1 and condition = $2 returning condition`;

/** Tells of what has changed, unless somebody else just did. @returns how many events were written */
export async function noteChanges(
  pool: Pool,
  highest: Highest,
  facts: readonly PipelineFact[],
  changes: readonly Change[],
): Promise<number> {
  const [fact] = facts;
  if (fact === undefined || changes.length === 0) return 0;
  const { pipeline, engine } = fact;
  const run = facts.reduce((newest, one) => (one.position > newest.position ? one : newest), fact).run ?? '';
  const { tx, client } = await beginOn(pool);
  try {
    const events: NewEvent[] = [];
    for (const { condition, message, begins } of changes) {
      // Another server that does the same waits here for the end of this transaction, and then finds it done.
      const { rowCount } = await client.query(begins ? BEGIN : END, [pipeline, condition]);
      if (rowCount === 0) continue;
      const none = { kind: null, businessKey: null, symbol: null, levelBefore: null, levelAfter: null };
      const type = CONDITIONS[condition][begins ? 'begins' : 'ends'];
      events.push({ type, pipeline, run, engine, ...none, reasons: [condition], message });
    }
    if (events.length === 0) return 0;
    const tick = await checkedTick(highest, () => tx.takeClock());
    await tx.writeEvents(tick, events);
    await tx.writeLog(tick, '[]', []);
    await tx.commit();
    highest.note(tick);
    return events.length;
  } finally {
    await tx.abort();
  }
}
