/** COPY of a decoded batch into a temporary table: the fastest way in, before any lock is taken (contract.md §6). */
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import type { PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { IncomingResult } from '../decision/state.js';
import type { Provenance } from './decode.js';

const CREATE = `
  create temporary table if not exists ingest_batch (
    ordinal integer primary key, kind text, business_key text, engine text, calculated_value jsonb, deleted boolean,
    final boolean, pipeline text, result_offset bigint, run text, subtask integer, lineage jsonb, seq bigint, epoch bigint,
    delivery text, revision integer, cause text, evidence jsonb, last_checkpoint_time timestamptz
  ) on commit delete rows`;

const prepared = new WeakSet<PoolClient>();

/** Once per connection: creating a table in each transaction would bloat the catalog. */
export async function prepareBatchTable(client: PoolClient): Promise<void> {
  if (prepared.has(client)) return;
  await client.query(CREATE);
  prepared.add(client);
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** One value in COPY's text format. */
export const copyValue = (value: string | number | bigint | boolean | null | undefined): string =>
  value === null || value === undefined ? '\\N' : String(value).replace(/[\\\t\n\r]/g, (char) => ESCAPES[char] ?? char);

/** As the engine said it; of a recomputation also how far it has read. */
const evidenceOf = ({ evidence = {}, reprocessing }: Provenance['message']): object =>
  reprocessing === undefined ? evidence : { ...evidence, verified_to: reprocessing.up_to };

function copyLine(record: IncomingResult, { message }: Provenance): string {
  const { state, stamp } = record;
  return `${[
    record.ordinal,
    state.kind,
    state.businessKey,
    state.engine,
    JSON.stringify(state.calculatedValue),
    state.deleted,
    state.final,
    state.pipeline,
    record.offset,
    stamp.run,
    stamp.subtask,
    JSON.stringify(message.run.lineage ?? []),
    stamp.seq,
    message.epoch,
    message.delivery,
    state.revision,
    message.cause ?? 'IN_ORDER',
    JSON.stringify(evidenceOf(message)),
    state.lastCheckpointTime,
  ]
    .map(copyValue)
    .join('\t')}\n`;
}

/** @param provenance by ordinal, one for each record */
export async function copyBatch(
  client: PoolClient,
  records: readonly IncomingResult[],
  provenance: ReadonlyMap<number, Provenance>,
): Promise<void> {
  const lines = records.flatMap((record) => {
    const from = provenance.get(record.ordinal);
    return from === undefined ? [] : [copyLine(record, from)];
  });
  await pipeline(
    Readable.from(lines.length > 0 ? [lines.join('')] : []),
    client.query(copyFrom('copy ingest_batch from stdin')),
  );
}
