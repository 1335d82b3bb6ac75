import { AppError } from '../errors.js';
import { position } from './position.js';
import { decodeToken, encodeToken } from './token.js';

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return error instanceof AppError ? error.code : 'NOT_CODED';
  }
  return 'NOTHING_THROWN';
};
const raw = (body: unknown): string => Buffer.from(JSON.stringify(body)).toString('base64url');

test('a token comes back as it was, also beyond 2^53', () => {
  const token = { incarnation: 'b9c6', position: position('9007199254740995') };
  expect(decodeToken(encodeToken(token))).toEqual(token);
});

test('what is not a token is TOKEN_MALFORMED, another version is TOKEN_VERSION', () => {
  for (const text of [
    '',
    'x',
    '****',
    raw(null),
    raw([1]),
    raw({ v: 1 }),
    raw({ v: 1, incarnation: '', position: '1' }),
    raw({ v: 1, incarnation: 'a', position: 7 }),
    raw({ v: 1, incarnation: 'a', position: '-1' }),
  ]) {
    expect([text, codeOf(() => decodeToken(text))]).toEqual([text, 'TOKEN_MALFORMED']);
  }
  expect(codeOf(() => decodeToken(raw({ v: 2, incarnation: 'a', position: '1' })))).toBe('TOKEN_VERSION');
});
