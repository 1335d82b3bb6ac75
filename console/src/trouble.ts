/** What went wrong, for people. Pure. */
import { CombinedGraphQLErrors, ServerError } from '@apollo/client/errors';

export interface Trouble {
  /**
   * - `TOKEN`: the server asks for one, or for another.
   * - `UNREACHABLE`: nothing came back.
   * - `REFUSED`: an answer came, and it is a refusal.
   * - `PARTLY`: some of what was asked could not be answered.
   */
  readonly kind: 'TOKEN' | 'UNREACHABLE' | 'REFUSED' | 'PARTLY';
  readonly message: string;
}

/** @param partly was the rest answered? */
export function troubleOf(error: unknown, partly: boolean): Trouble | null {
  if (error === null || error === undefined) return null;
  if (ServerError.is(error) && error.statusCode === 401)
    return { kind: 'TOKEN', message: 'This server asks for its token (TIDEMARK_TOKEN).' };
  if (CombinedGraphQLErrors.is(error)) {
    const said = [...new Set(error.errors.map(({ message, extensions }) => withCode(message, extensions?.['code'])))];
    return { kind: partly ? 'PARTLY' : 'REFUSED', message: said.join(' ') };
  }
  if (ServerError.is(error)) return { kind: 'REFUSED', message: `The server answered ${error.statusCode}.` };
  return { kind: 'UNREACHABLE', message: 'The server does not answer.' };
}

const withCode = (message: string, code: unknown): string =>
  typeof code === 'string' && code !== '' ? `${message} (${code})` : message;
