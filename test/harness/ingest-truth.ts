/** What Postgres must hold when everything that was sent has been taken in once: read by SQL, compared with what was sent. */
import type { Client } from 'pg';
import type { Feed, Sent } from './ingest-feed.js';

interface LogRow {
  readonly position: string;
  readonly part: number;
  readonly parts: number;
  readonly nonce: string;
  readonly predecessor: string;
  readonly keys: [kind: string, key: string][];
  readonly documents: string;
}

interface Document {
  readonly business_key: string;
  readonly revision: number;
  readonly calculated_value: Record<string, unknown>;
}

export async function consumed(client: Client): Promise<number[]> {
  const { rows } = await client.query<{ next_offset: string }>(
    'select next_offset from ingest_offsets order by partition',
  );
  return rows.map(({ next_offset: next }) => Number(next));
}

/** Sentences about what is not as it must be; empty when all of it is. */
export async function discrepancies(client: Client, feed: Feed): Promise<string[]> {
  return [
    ...(await rowsAgainst(client, feed)),
    ...(await logAgainst(client, feed)),
    ...(await lettersAgainst(client, feed)),
    ...(await eventsAgainst(client, feed)),
  ].slice(0, 20);
}

async function rowsAgainst(client: Client, feed: Feed): Promise<string[]> {
  const expected = new Map(feed.sent.map((sent) => [sent.businessKey, sent]));
  const { rows } = await client.query<Document & { cap: string; reasons: string[] }>(
    'select business_key, revision, calculated_value, cap, reasons from results',
  );
  const found = new Map(rows.map((row) => [row.business_key, row]));
  const wrong = [...expected.values()].flatMap(({ businessKey, revision, value }) => {
    const row = found.get(businessKey);
    if (row === undefined) return [`${businessKey} is missing`];
    if (row.revision !== revision) return [`${businessKey} is at revision ${row.revision}, not ${revision}`];
    return same(row.calculated_value, value) ? [] : [`${businessKey} has another value`];
  });
  // A skipped record shows as a hole in the run's numbers, a disagreement as a violation: either makes rows LOW.
  const low = rows
    .filter(({ cap }) => cap !== 'EVENTUALLY_CONSISTENT')
    .map((row) => `${row.business_key} is ${row.cap}: ${row.reasons.join()}`);
  const more = rows.filter((row) => !expected.has(row.business_key)).map((row) => `${row.business_key} was never sent`);
  return [...wrong, ...low, ...more];
}

/** Gapless, chained by nonces, each record of a key at most once and in order, no document that was never sent. */
async function logAgainst(client: Client, feed: Feed): Promise<string[]> {
  const { rows } = await client.query<LogRow>(
    'select position, part, parts, nonce, predecessor, keys, documents from commit_log order by position, part',
  );
  const bad: string[] = [];
  const sent = new Map<string, Sent>(feed.sent.map((each) => [`${each.businessKey} ${each.revision}`, each]));
  const newest = new Map<string, number>();
  let before: LogRow | null = null;
  for (const row of rows) {
    const continues =
      row.part > 0 ? before?.nonce === row.nonce : Number(row.position) === Number(before?.position ?? 0) + 1;
    if (!continues) bad.push(`position ${row.position} follows ${before?.position}`);
    if (row.part === 0 && before !== null && row.predecessor !== before.nonce)
      bad.push(`position ${row.position} does not chain`);
    for (const document of JSON.parse(row.documents) as Document[]) {
      const { business_key: key, revision } = document;
      if ((newest.get(key) ?? 0) >= revision)
        bad.push(`${key} revision ${revision} again, at position ${row.position}`);
      newest.set(key, revision);
      if (!same(document.calculated_value, sent.get(`${key} ${revision}`)?.value))
        bad.push(`${key} revision ${revision} is not what was sent`);
    }
    before = row;
  }
  const clock = await client.query<{ position: string }>('select position from commit_clock');
  // A heartbeat may have come in between.
  if (Number(clock.rows[0]?.position) < Number(before?.position ?? 0)) bad.push('the clock stands behind the log');
  return bad;
}

async function lettersAgainst(client: Client, feed: Feed): Promise<string[]> {
  const { rows } = await client.query<{ place: string }>(
    `select partition || '/' || record_offset as place from dead_letters`,
  );
  return difference(
    'dead letters',
    rows.map(({ place }) => place),
    feed.broken,
  );
}

async function eventsAgainst(client: Client, feed: Feed): Promise<string[]> {
  const { rows } = await client.query<{ business_key: string }>(
    `select business_key from staleness_events where type = 'LATE_UPDATE'`,
  );
  const starts = await client.query(`select 1 from staleness_events where type = 'RUN_STARTED'`);
  return [
    ...difference(
      'late updates told',
      rows.map((row) => row.business_key),
      [...feed.late],
    ),
    ...(starts.rowCount === 1 ? [] : [`the run has started ${starts.rowCount} times`]),
  ];
}

const difference = (what: string, found: readonly string[], expected: readonly string[]): string[] => {
  const [a, b] = [[...found].sort().join(' '), [...expected].sort().join(' ')];
  return a === b
    ? []
    : [
        `${what}: ${found.length} found, ${expected.length} expected: ${found.filter((one) => !expected.includes(one)).join()} / ${expected.filter((one) => !found.includes(one)).join()}`,
      ];
};

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
const same = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b);
