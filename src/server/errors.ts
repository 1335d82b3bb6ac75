/** Errors as clients see them: a stable code, a sentence, never a stack trace. The unknown ones carry an id of the log. */
import type { GraphQLFormattedError } from 'graphql';
import type { Logger } from 'pino';
import { AppError, asError } from '../errors.js';

/** Apollo's code for whatever was thrown and is not an error of GraphQL's own. */
const UNKNOWN = 'INTERNAL_SERVER_ERROR';

/** @param newId names an occurrence in the log */
export function errorFormatter(
  logger: Logger,
  newId: () => string,
): (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError {
  return (formatted, error) => {
    const cause = rootCause(error);
    const place = {
      ...(formatted.locations && { locations: formatted.locations }),
      ...(formatted.path && { path: formatted.path }),
    };
    if (cause instanceof AppError) {
      return {
        message: cause.message,
        ...place,
        extensions: { ...cause.details, code: cause.code, retryable: cause.retryable },
      };
    }
    const code = formatted.extensions?.['code'];
    if (code !== UNKNOWN) return { message: formatted.message, ...place, extensions: { code: code ?? 'BAD_REQUEST' } };
    const id = newId();
    logger.error({ err: asError(cause), id, path: formatted.path }, 'a request failed in a way nobody foresaw');
    return {
      message: 'Something failed that should not have. The log has the details under this id.',
      ...place,
      extensions: { code: 'INTERNAL', id },
    };
  };
}

function rootCause(error: unknown): unknown {
  let cause = error;
  while (cause instanceof Error && 'originalError' in cause && cause.originalError instanceof Error)
    cause = cause.originalError;
  return cause;
}

/** The body of an answer that never reached GraphQL, in GraphQL's own shape. */
export const errorBody = (code: string, message: string): { readonly errors: readonly GraphQLFormattedError[] } => ({
  errors: [{ message, extensions: { code } }],
});
