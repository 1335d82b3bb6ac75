import { readFileSync } from 'node:fs';
import { tokenOf } from './reader.js';

const { valid } = JSON.parse(readFileSync(new URL('../../wire/tokens.json', import.meta.url), 'utf8')) as {
  readonly valid: readonly { readonly token: string; readonly incarnation: string; readonly position: string }[];
};

test('the recorder reads the tokens that servers hand out: a checker that sees none says nothing of them', () => {
  expect(valid.map(({ token }) => tokenOf(token))).toEqual(
    valid.map(({ incarnation, position }) => ({ incarnation, position: Number(position) })),
  );
  expect([tokenOf(null), tokenOf(''), tokenOf('bm8gdG9rZW4')]).toEqual([null, null, null]);
});
