import { readFile } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import { askGraphql, type GraphqlAnswer } from './ask.js';
import type { Out } from './produce.js';
import { table, type Row } from './table.js';

/** Replaying in bulk waits for Kafka. */
const ANSWER_LIMIT_MS = 30_000;
const FIELDS = 'id state cause topic partition offset kafkaKey reportedBy settledAt message';
const HEAD = ['id', 'state', 'cause', 'place', 'key', 'reported by', 'message'];

export interface DeadLetterOptions {
  readonly url: string;
  readonly token?: string;
}

const lines = (letters: readonly Row[]): string =>
  table(
    HEAD,
    letters.map((l) => [
      l['id'],
      // Replayed, but not yet counted by its pipeline: still held against its results.
      l['state'] === 'REPLAYED' && l['settledAt'] === null ? 'REPLAYED, not counted yet' : l['state'],
      l['cause'],
      `${String(l['topic'])}/${String(l['partition'])}@${String(l['offset'])}`,
      l['kafkaKey'],
      l['reportedBy'],
      l['message'],
    ]),
  );

/** The answer's data, or null after its errors were told. */
async function asked(
  query: string,
  variables: Readonly<Record<string, unknown>>,
  { url, token }: DeadLetterOptions,
  out: Out,
): Promise<GraphqlAnswer['data']> {
  const answer = await askGraphql(url, query, { timeoutMs: ANSWER_LIMIT_MS, token, variables }).catch(
    (error: Error) => {
      throw new Error(`the server at ${url} does not answer: ${error.message}.`, { cause: error });
    },
  );
  for (const { message, extensions } of answer.errors) out.warn(`${extensions?.code ?? 'ERROR'}: ${message}`);
  return answer.errors.length > 0 ? null : answer.data;
}

/** One page of letters, newest first, and how to see the next; the exit code. */
export async function listDeadLetters(
  options: DeadLetterOptions & { readonly state?: string; readonly first: string; readonly after?: string },
  out: Out,
): Promise<number> {
  const query = `query ($state: String, $first: Int, $after: String) {
    deadLetters(state: $state, first: $first, after: $after) { edges { node { ${FIELDS} } } pageInfo { hasNextPage endCursor } }
  }`;
  const { state, after } = options;
  const data = await asked(query, { state, first: Number(options.first), after }, options, out);
  if (data === null) return 1;
  const { edges, pageInfo } = data['deadLetters'] as {
    edges: { node: Row }[];
    pageInfo: { hasNextPage: boolean; endCursor: string };
  };
  if (edges.length === 0) out.say(state === undefined ? 'No dead letters.' : `No dead letters are ${state}.`);
  else out.say(lines(edges.map(({ node }) => node)));
  if (pageInfo.hasNextPage) out.say(`There are more: --after ${pageInfo.endCursor}`);
  return 0;
}

/** Replays or dismisses letters, all or none of them; the exit code. */
export async function changeDeadLetters(
  change: 'replayDeadLetter' | 'dismissDeadLetter',
  ids: readonly string[],
  options: DeadLetterOptions & { readonly payload?: string },
  out: Out,
): Promise<number> {
  const payload = options.payload === undefined ? undefined : await readFile(options.payload, 'utf8');
  const query =
    change === 'replayDeadLetter'
      ? `mutation ($ids: [ID!]!, $payload: String) { letters: replayDeadLetter(ids: $ids, payload: $payload) { ${FIELDS} } }`
      : `mutation ($ids: [ID!]!) { letters: dismissDeadLetter(ids: $ids) { ${FIELDS} } }`;
  const data = await asked(query, { ids, ...(payload === undefined ? {} : { payload }) }, options, out);
  if (data === null) return 1;
  const letters = data['letters'] as Row[];
  if (letters.length > 0) out.say(lines(letters));
  const known = new Set(letters.map(({ id }) => String(id)));
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length > 0) out.warn(`There is no dead letter ${unknown.join(', ')}.`);
  return unknown.length > 0 ? 1 : 0;
}

/** `tidemark dead-letters [list|replay|dismiss]`. */
export function addDeadLetters(program: Command, url: () => Option, out: Out, done: (code: number) => void): void {
  const token = (): Option => new Option('--token <token>', 'the server’s token').env('TIDEMARK_TOKEN');
  const letters = program.command('dead-letters').description('records that could not be decoded or stored');
  letters
    .command('list', { isDefault: true })
    .description('newest first')
    .addOption(url())
    .addOption(token())
    .addOption(new Option('--state <state>', 'only these').choices(['OPEN', 'REPLAYED', 'DISMISSED']))
    .option('--first <n>', 'at most so many', '50')
    .option('--after <cursor>', 'what follows')
    .action(async (options: Parameters<typeof listDeadLetters>[0]) => done(await listDeadLetters(options, out)));
  letters
    .command('replay <ids...>')
    .description('write source records again, or take in results that can be decoded by now')
    .addOption(url())
    .addOption(token())
    .option('--payload <file>', 'the mended event, for one record of the source')
    .action(async (ids: string[], options: DeadLetterOptions & { payload?: string }) =>
      done(await changeDeadLetters('replayDeadLetter', ids, options, out)),
    );
  letters
    .command('dismiss <ids...>')
    .description('they are none of any result: nothing is held against results for them any more')
    .addOption(url())
    .addOption(token())
    .action(async (ids: string[], options: DeadLetterOptions) =>
      done(await changeDeadLetters('dismissDeadLetter', ids, options, out)),
    );
}
