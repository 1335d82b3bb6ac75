/** A refusal as ClickHouse words it: clients read code and type out of the text. */
export class QueryError extends Error {
  constructor(
    readonly code: number,
    readonly type: string,
    message: string,
  ) {
    super(`Code: ${code}. DB::Exception: ${message} (${type})`);
    this.name = 'QueryError';
  }
}

export const badArguments = (message: string): QueryError => new QueryError(36, 'BAD_ARGUMENTS', message);
export const overloaded = (message: string): QueryError =>
  new QueryError(202, 'TOO_MANY_SIMULTANEOUS_QUERIES', message);

const CODE = /Code: (\d+)\. /;

/** The engine's own error, whose text it already is. */
export function queryError(error: unknown): Error & { readonly code: number } {
  if (error instanceof QueryError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = Number(CODE.exec(message)?.[1] ?? 1002);
  return Object.assign(
    new Error(CODE.test(message) ? message : `Code: 1002. DB::Exception: ${message} (UNKNOWN_EXCEPTION)`),
    {
      code,
    },
  );
}

const STATUS = new Map<number, number>([
  // Unknown table, function, identifier, setting, database, part, type …: not found.
  ...[16, 46, 47, 50, 60, 81, 115, 503].map((code) => [code, 404] as const),
  // What cannot be parsed, or is no valid query.
  ...[6, 25, 26, 27, 36, 38, 41, 42, 43, 53, 62, 69, 70, 72, 117, 130, 131, 456, 457].map(
    (code) => [code, 400] as const,
  ),
  [159, 408],
  [202, 503],
  [203, 503],
  [210, 503],
]);

/** The HTTP status that ClickHouse's own interface gives to an exception. */
export const statusOf = (code: number): number => STATUS.get(code) ?? 500;

/** The engine was torn down: nothing but a new process brings it back. */
export const isFatal = (code: number): boolean => code === 236;
