/**
 * The log: structured, without payloads and without secrets. Drivers hang what they were given on their errors (a row, a document, a
 * connection string), and some put it into their sentence; of an error only what says what went wrong and where is written.
 */
import { pino, type DestinationStream, type Logger } from 'pino';

const MESSAGE_CHARS = 1_000;
const CAUSES = 4;

/** What to leave out of a sentence, each with what stands in its place. */
const OUT: readonly (readonly [RegExp, string])[] = [
  // Credentials in an address, in a header.
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, '$1***@'],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, '$1 ***'],
  [/\b(password|passwd|secret|token)(["']?\s*[=:]\s*)(["']?)[^\s"',;&]+/gi, '$1$2$3***'],
  // Node: `Unexpected token 'x', "…" is not valid JSON`.
  [/(?:"[\s\S]*?"\s*\.{0,3}\s*)is not valid JSON/g, '… is not valid JSON'],
  // PostgreSQL: `invalid input syntax for type json: "…"`, `Key (a)=(b) …`, `Failing row contains (…)`.
  [/(invalid [\w ]+|out of range[\w ]*|too long[\w ]*|for type [\w ]+): "[\s\S]*/gi, '$1: …'],
  [/\)=\([\s\S]*?\)/g, ')=(…)'],
  [/(contains) \([\s\S]*\)/gi, '$1 (…)'],
  // MongoDB: `E11000 … dup key: { … }`. Elasticsearch: `Preview of field's value: '…'`.
  [/(dup key:) \{[\s\S]*\}/g, '$1 …'],
  [/(field's value:) '[\s\S]*?'/g, "$1 '…'"],
];

/** A sentence without what it quotes of data, and without secrets. */
export function clean(sentence: string): string {
  const cut = OUT.reduce((text, [what, instead]) => text.replace(what, instead), sentence);
  return cut.length > MESSAGE_CHARS ? `${cut.slice(0, MESSAGE_CHARS)}…` : cut;
}

const framesOf = (stack: string | undefined): string[] =>
  (stack ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^at .*(:\d+:\d+\)?|\(native\)|<anonymous>\)?)$/.test(line));

/** Nothing of an error but its kind, code, sentence and place, and those of what caused it. */
export function plainError(error: unknown, causes = CAUSES): unknown {
  if (!(error instanceof Error)) return clean(String(error));
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    message: clean(error.message),
    stack: framesOf(error.stack),
    ...(error.cause === undefined || causes === 0 ? {} : { cause: plainError(error.cause, causes - 1) }),
  };
}

/** Where there is none, pino would take the error's own, as it is. */
function withSentence([first, ...rest]: readonly unknown[]): unknown[] {
  const given = first instanceof Error ? { err: first } : first;
  const { err } = (typeof given === 'object' && given !== null ? given : {}) as { err?: unknown };
  return [given, ...rest, ...(rest.length === 0 && err instanceof Error ? [err.message] : [])];
}

/** @param to left out: standard output */
export function createLogger(level: string, to?: DestinationStream): Logger {
  const options = {
    level,
    redact: ['*.password', '*.connectionString', 'payload', '*.payload', 'value', '*.value', 'headers', '*.headers'],
    serializers: { err: (error: unknown) => plainError(error), error: (error: unknown) => plainError(error) },
    hooks: {
      logMethod(this: Logger, args: Parameters<pino.LogFn>, method: pino.LogFn): void {
        const cleaned = withSentence(args).map((arg) => (typeof arg === 'string' ? clean(arg) : arg));
        method.apply(this, cleaned as Parameters<pino.LogFn>);
      },
    },
  };
  return to === undefined ? pino(options) : pino(options, to);
}
