/** Demands as they are written: the arguments of `@consistency`, and the request header for clients that can't edit documents. */
import {
  getDirectiveValues,
  GraphQLError,
  Kind,
  type ASTNode,
  type DirectiveNode,
  type GraphQLDirective,
} from 'graphql';
import { parseDictionary, Token } from 'structured-headers';
import { AppError, asError } from '../errors.js';
import { NO_DEMAND, ON_UNMET, stricter, type Demand } from '../planner/requirement.js';
import { decodeToken } from '../position/token.js';
import { CONFIDENCE_LEVELS, CONSISTENCY_SCOPES } from '../words.js';

/** A structured field (RFC 9651), a dictionary: `min-confidence=HIGH, max-staleness-ms=500, at-least="…"`. */
export const CONSISTENCY_HEADER = 'tidemark-consistency';

const KEYS: Readonly<Record<string, keyof Demand>> = {
  'min-confidence': 'minConfidence',
  scope: 'scope',
  'max-staleness-ms': 'maxStalenessMs',
  'at-least': 'atLeast',
  'on-unmet': 'onUnmet',
  'timeout-ms': 'timeoutMs',
  'explain-plan': 'explainPlan',
};

/**
 * What a directive demands. Arguments that were left out, or whose variable was, demand nothing; defaults are not demands.
 * @param variables coerced
 * @throws GraphQLError CONSISTENCY_INVALID, TOKEN_* with the place
 */
export function demandOf(
  definition: GraphQLDirective,
  node: DirectiveNode,
  variables: Readonly<Record<string, unknown>>,
): Demand {
  const values = getDirectiveValues(definition, { directives: [node] }, variables) ?? {};
  let demand = NO_DEMAND;
  for (const argument of node.arguments ?? []) {
    const { name, value } = argument;
    if (value.kind === Kind.VARIABLE && !(value.name.value in variables)) continue;
    const given = values[name.value];
    if (given !== undefined && given !== null)
      demand = { ...demand, ...partOf(name.value as keyof Demand, given, [argument]) };
  }
  return demand;
}

/** @throws GraphQLError CONSISTENCY_INVALID, TOKEN_* */
export function demandOfHeader(text: string | undefined): Demand {
  if (text === undefined || text.trim() === '') return NO_DEMAND;
  let dictionary: ReturnType<typeof parseDictionary>;
  try {
    dictionary = parseDictionary(text);
  } catch (error) {
    throw fail(
      'CONSISTENCY_INVALID',
      `The header ${CONSISTENCY_HEADER} is no structured field: ${asError(error).message}.`,
    );
  }
  return [...dictionary].reduce((demand, [key, [value]]) => {
    const name = KEYS[key];
    if (name === undefined)
      throw fail('CONSISTENCY_INVALID', `${CONSISTENCY_HEADER} has no ${key}: use ${Object.keys(KEYS).join(', ')}.`);
    // A token of a structured field is an object of its own.
    const plain = value instanceof Token ? value.toString() : value;
    return { ...demand, ...partOf(name, plain, []) };
  }, NO_DEMAND);
}

/** Both, the stricter part of each. @throws GraphQLError TOKEN_FOREIGN */
export function together(a: Demand, b: Demand, places: readonly (ASTNode | undefined)[]): Demand {
  try {
    return stricter(a, b);
  } catch (error) {
    throw refused(
      error,
      places.filter((place) => place !== undefined),
    );
  }
}

/** What can never be met. @throws GraphQLError CONSISTENCY_CONTRADICTION with the places */
export function refuseContradiction(
  demand: Demand,
  searchOnly: boolean,
  places: readonly (ASTNode | undefined)[],
): void {
  const nodes = places.filter((place) => place !== undefined);
  if (demand.minConfidence === 'HIGH' && (searchOnly || demand.scope === 'SEARCH'))
    throw fail(
      'CONSISTENCY_CONTRADICTION',
      'What a search found is never HIGH: demand less, or take another field or scope.',
      nodes,
    );
  if (demand.onUnmet === 'WAIT' && demand.timeoutMs === 0)
    throw fail('CONSISTENCY_CONTRADICTION', 'onUnmet: WAIT needs a timeoutMs to wait for.', nodes);
}

function partOf(name: keyof Demand, value: unknown, nodes: readonly ASTNode[]): Partial<Demand> {
  switch (name) {
    case 'minConfidence':
      return { minConfidence: oneOf(CONFIDENCE_LEVELS, name, value, nodes) };
    case 'scope':
      return { scope: oneOf(CONSISTENCY_SCOPES, name, value, nodes) };
    case 'onUnmet':
      return { onUnmet: oneOf(ON_UNMET, name, value, nodes) };
    case 'maxStalenessMs':
      return { maxStalenessMs: wholeFrom(1, name, value, nodes) };
    case 'timeoutMs':
      return { timeoutMs: wholeFrom(0, name, value, nodes) };
    case 'explainPlan':
      if (typeof value !== 'boolean') throw fail('CONSISTENCY_INVALID', `${name} is true or false.`, nodes);
      return { explainPlan: value };
    case 'atLeast':
      if (typeof value !== 'string') throw fail('CONSISTENCY_INVALID', `${name} is a token: a text.`, nodes);
      try {
        return { atLeast: decodeToken(value) };
      } catch (error) {
        throw refused(error, nodes);
      }
  }
}

function oneOf<T extends string>(known: readonly T[], name: string, value: unknown, nodes: readonly ASTNode[]): T {
  const found = known.find((one) => one === value);
  if (found === undefined) throw fail('CONSISTENCY_INVALID', `${name} is one of ${known.join(', ')}.`, nodes);
  return found;
}

function wholeFrom(least: number, name: string, value: unknown, nodes: readonly ASTNode[]): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value < 2 ** 31) return value;
  throw fail('CONSISTENCY_INVALID', `${name} is a whole number of milliseconds, at least ${least}.`, nodes);
}

const refused = (error: unknown, nodes: readonly ASTNode[]): GraphQLError =>
  error instanceof AppError ? fail(error.code, error.message, nodes) : fail('INTERNAL', asError(error).message, nodes);

/** A validation error: nothing was read. */
export const fail = (code: string, message: string, nodes: readonly ASTNode[] = []): GraphQLError =>
  new GraphQLError(message, { nodes, extensions: { code, http: { status: 400 } } });
