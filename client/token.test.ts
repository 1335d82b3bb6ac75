import { readFileSync } from 'node:fs';
import { compareTokens, mergeTokens, readToken, TokenError } from './index.js';

interface Vectors {
  readonly valid: readonly { token: string; incarnation: string; position: string }[];
  readonly refused: readonly { what: string; token: string; code: string }[];
  readonly compared: readonly { a: string; b: string; order: string; merged: string | null }[];
}
const vectors = JSON.parse(readFileSync(new URL('../wire/tokens.json', import.meta.url), 'utf8')) as Vectors;
const codeOf = (act: () => unknown): string => {
  try {
    return `accepted: ${JSON.stringify(act())}`;
  } catch (error) {
    return error instanceof TokenError ? error.code : String(error);
  }
};

test('each token of the test vectors is read as they say', () => {
  expect(vectors.valid.length).toBeGreaterThan(5);
  for (const { token, incarnation, position } of vectors.valid)
    expect(readToken(token)).toEqual({ incarnation, position: BigInt(position) });
});

test('each broken one is refused with its code', () => {
  expect(vectors.refused.length).toBeGreaterThan(5);
  expect(vectors.refused.map(({ what, token }) => [what, codeOf(() => String(readToken(token).position))])).toEqual(
    vectors.refused.map(({ what, code }) => [what, code]),
  );
});

test('two of them compare and merge as they say', () => {
  expect(vectors.compared.map(({ order }) => order)).toEqual(
    expect.arrayContaining(['BEFORE', 'AFTER', 'EQUAL', 'INCOMPARABLE']),
  );
  for (const { a, b, order, merged } of vectors.compared) {
    expect(compareTokens(a, b)).toBe(order);
    if (order === 'INCOMPARABLE') expect(codeOf(() => mergeTokens(a, b))).toBe('TOKEN_FOREIGN');
    else expect(mergeTokens(a, b)).toBe(merged);
  }
});
