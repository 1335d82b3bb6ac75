import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { AppError } from '../errors.js';
import { position } from './position.js';
import { compareTokens, decodeToken, encodeToken, mergeTokens, MOST_CHARACTERS, type Token } from './token.js';

interface Vectors {
  readonly version: number;
  readonly valid: readonly { token: string; incarnation: string; position: string }[];
  readonly refused: readonly { what: string; token: string; code: string }[];
  readonly compared: readonly { a: string; b: string; order: string; merged?: string; code?: string }[];
}
const vectors = JSON.parse(readFileSync(new URL('../../wire/tokens.json', import.meta.url), 'utf8')) as Vectors;

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return error instanceof AppError ? error.code : 'NOT_CODED';
  }
  return 'NOTHING_THROWN';
};

const tokens: fc.Arbitrary<Token> = fc.record({
  incarnation: fc.oneof(fc.uuid(), fc.constantFrom('a', 'b')),
  position: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(position),
});

test('a token is written and read as the vectors that the client shares say, also beyond 2^53', () => {
  for (const { token, incarnation, position: at } of vectors.valid) {
    expect(encodeToken({ incarnation, position: position(at) })).toBe(token);
    expect(decodeToken(token)).toEqual({ incarnation, position: position(at) });
  }
  expect(vectors.valid.length).toBeGreaterThan(5);
});

test('what is no token, was changed, or has another version, is refused with the code of the vectors', () => {
  const said = vectors.refused.map(({ what, token }) => ({ what, token, code: codeOf(() => decodeToken(token)) }));
  expect(said).toEqual(vectors.refused);
  expect([...new Set(said.map(({ code }) => code))].sort()).toEqual([
    'TOKEN_MALFORMED',
    'TOKEN_TAMPERED',
    'TOKEN_VERSION',
  ]);
});

test('tokens compare and merge as the vectors say', () => {
  for (const { a, b, order, merged, code } of vectors.compared) {
    const pair = [decodeToken(a), decodeToken(b)] as const;
    expect([a, b, compareTokens(...pair)]).toEqual([a, b, order]);
    if (merged === undefined) expect(codeOf(() => mergeTokens(...pair))).toBe(code);
    else expect(encodeToken(mergeTokens(...pair))).toBe(merged);
  }
});

test('whatever the token, it comes back as it was, and is of bounded size', () => {
  fc.assert(
    fc.property(tokens, (token) => {
      const text = encodeToken(token);
      expect(decodeToken(text)).toEqual(token);
      expect(text.length).toBeLessThan(MOST_CHARACTERS / 2);
    }),
  );
});

test('a token with one character changed, left out or doubled is never read as another', () => {
  fc.assert(
    fc.property(tokens, fc.nat(), fc.constantFrom('', 'A', 'z', '7', '-', '_'), (token, at, by) => {
      const text = encodeToken(token);
      const place = at % text.length;
      for (const changed of [
        text.slice(0, place) + by + text.slice(place + 1),
        text.slice(0, place) + text.charAt(place) + text.slice(place),
      ]) {
        if (changed !== text) expect(codeOf(() => decodeToken(changed))).toMatch(/^TOKEN_/);
      }
    }),
  );
});

test('a merge demands what both demand, in whatever order, and nothing more', () => {
  fc.assert(
    fc.property(tokens, fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (a, at) => {
      const b = { ...a, position: position(at) };
      const merged = mergeTokens(a, b);
      expect(mergeTokens(b, a)).toEqual(merged);
      expect([compareTokens(a, merged), compareTokens(b, merged)]).not.toContain('AFTER');
      expect([compareTokens(a, merged), compareTokens(b, merged)]).toContain('EQUAL');
    }),
  );
});
