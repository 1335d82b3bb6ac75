import { AppError } from './errors.js';
import { createLogger } from './logging.js';

const PAYLOAD = 'order-4711 of Mrs Example';
const SECRET = 'hunter2-s3cret';

/** What drivers throw, as they throw it: with what they were given hanging on it, or in the sentence. */
const errors: Readonly<Record<string, Error>> = {
  pg: Object.assign(new Error(`invalid input syntax for type bigint: "${PAYLOAD}"`), {
    code: '22P02',
    detail: `Failing row contains (order, ${PAYLOAD}).`,
    where: `COPY ingest_batch, line 1: "${PAYLOAD}"`,
    parameters: [PAYLOAD],
  }),
  pgUnique: Object.assign(
    new Error(`duplicate key value violates unique constraint: Key (business_key)=(${PAYLOAD}) already exists`),
    {
      code: '23505',
    },
  ),
  pgRow: new Error(`new row violates check: Failing row contains (order, ${PAYLOAD}, 7)`),
  connection: Object.assign(new Error(`connect ECONNREFUSED postgres://tidemark:${SECRET}@127.0.0.1:5432/db`), {
    connectionString: `postgres://tidemark:${SECRET}@127.0.0.1/db`,
    code: 'ECONNREFUSED',
  }),
  mongo: Object.assign(
    new Error(`E11000 duplicate key error collection: t.r index: _id_ dup key: { _id: "${PAYLOAD}" }`),
    {
      code: 11000,
      writeErrors: [{ op: { document: PAYLOAD } }],
    },
  ),
  elastic: Object.assign(
    new Error(`mapper_parsing_exception: failed to parse [price] Preview of field's value: '${PAYLOAD}'`),
    {
      meta: { body: { items: [PAYLOAD] }, connection: { headers: { authorization: `Bearer ${SECRET}` } } },
    },
  ),
  json: ((): Error => {
    try {
      JSON.parse(`${PAYLOAD}`);
    } catch (error) {
      return error as Error;
    }
    throw new Error('parsed');
  })(),
  http: new Error(`401 for authorization: Bearer ${SECRET}, token=${SECRET}&x=1`),
  wrapped: new AppError('STORE_UNAVAILABLE', 'MONGODB does not answer.', {
    retryable: true,
    outcome: 'none',
    cause: new Error(`invalid input syntax for type json: "{"a": "${PAYLOAD}"}"`, {
      cause: new Error(`password: ${SECRET}`),
    }),
    details: { offered: PAYLOAD },
  }),
};

const logged = (write: (log: ReturnType<typeof createLogger>) => void): string => {
  const lines: string[] = [];
  write(createLogger('trace', { write: (line: string) => void lines.push(line) }));
  return lines.join('');
};

test.each(Object.entries(errors))(
  '%s: neither what it was given nor a secret gets into the log; its code and place do',
  (_, error) => {
    const text = logged((log) => {
      log.warn({ err: error }, 'it is tried again');
      log.warn({ error }, error.message);
      log.error(error);
      log.error(`MONGODB is blocked: ${error.message}`);
    });
    for (const word of [...PAYLOAD.split(' '), SECRET].filter((part) => part.length > 3))
      expect(text).not.toContain(word);
    expect(text).toContain('logging.test.ts');
    const { code } = error as { code?: string | number };
    if (code !== undefined) expect(text).toContain(String(code));
  },
);

test('a sentence without data stays as it is; fields that hold payloads are not written', () => {
  const sentence =
    'results.flink/3@17 is of schema 2, this server reads schema 1: upgrade the server, the partition waits.';
  expect(JSON.parse(logged((log) => log.warn({ err: new Error(sentence) }, sentence)))).toMatchObject({
    msg: sentence,
    err: { type: 'Error', message: sentence },
  });
  const text = logged((log) =>
    log.info({ payload: PAYLOAD, record: { value: PAYLOAD, headers: SECRET }, topic: 't' }, 'one'),
  );
  expect(text).not.toContain('4711');
  expect(text).not.toContain(SECRET);
  expect(JSON.parse(text)).toMatchObject({ topic: 't', msg: 'one' });
  expect(JSON.parse(logged((log) => log.warn({ err: 'thrown text' }, 'x')))).toMatchObject({ err: 'thrown text' });
});
