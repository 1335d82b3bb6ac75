/**
 * A response with contracts becomes text in the route, in the turn in which it is written to the socket, because its
 * staleness bounds must hold when it is sent. Apollo wants the text earlier, so for those it gets an empty one.
 */
import type { FormattedExecutionResult } from 'graphql';

const hasContracts = (result: FormattedExecutionResult): boolean => result.extensions?.['consistency'] !== undefined;

/** Apollo's `stringifyResult`. */
export const stringify = (result: FormattedExecutionResult): string =>
  hasContracts(result) ? '' : JSON.stringify(result);

export class Outbox {
  /** Set by the contract plugin when the response carries contracts. */
  result: object | null = null;

  /** What to send: `text` if Apollo made it, else the result as it reads now. */
  text(text: string): string {
    if (this.result === null) return text;
    const { errors, data, extensions } = this.result as FormattedExecutionResult;
    return JSON.stringify({ errors, data, extensions });
  }
}
