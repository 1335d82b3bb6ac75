/** The pages that clients read name every code of the server, and every argument. */
import { readFileSync } from 'node:fs';
import { buildSchema, isEnumType } from 'graphql';
import { ENGINE_FINDINGS, LEDGER_REASONS, REASONS } from '../src/words.js';
import { ADVICE, CLIENT_REASONS, CONFIDENCE_LEVELS, CONSISTENCY_SCOPES, headerOf, TOKEN_REFUSALS } from './index.js';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const page = read('docs/CONTRACT.md');
const schema = buildSchema(read('schema.graphql'));
const reasons = new Map(
  [
    ...page
      .slice(page.indexOf('## Reasons'), page.indexOf('## Saying'))
      .matchAll(/^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$/gm),
  ].map(([, code, advice]) => [code, advice] as const),
);

test('each reason that the server knows has its line in docs/CONTRACT.md, and each line is of one', () => {
  expect([...reasons.keys()].sort()).toEqual(Object.keys(REASONS).sort());
  for (const code of Object.keys(CLIENT_REASONS)) expect(page).toContain(`\`${code}\``);
});

test('what engines are found to differ in, and why records are refused, has its line, too', () => {
  const codes = (text: string, from: string): string[] =>
    [...text.slice(text.indexOf(from)).matchAll(/^\| `(\w+)` \| [^|]+ \|$/gm)].map(([, code]) => code ?? '');
  expect(codes(page, 'What `compareEngines { why }`').sort()).toEqual(Object.keys(ENGINE_FINDINGS).sort());
  const errors = read('docs/ERRORS.md');
  const refused = codes(errors.slice(0, errors.indexOf('## Of the server')), '## Of a refused record');
  expect([...refused, 'REQUESTED'].sort()).toEqual(Object.keys(LEDGER_REASONS).sort());
});

test('what the page says to do is what the library does', () => {
  const said = [...reasons].filter(([, advice]) => /^(Ask stricter|Wait)/.test(advice ?? ''));
  expect(said.map(([code, advice]) => [code, advice?.startsWith('Wait') ? 'WAIT' : 'ASK_STRICTER'])).toEqual(
    Object.entries(ADVICE).filter(([code, advice]) => advice !== 'NOTHING' && !(code in CLIENT_REASONS)),
  );
});

test('each level, scope, way to end and argument of @consistency is on the page, with its name in the header', () => {
  const values = (name: string): string[] => {
    const type = schema.getType(name);
    return isEnumType(type) ? type.getValues().map((value) => value.name) : [];
  };
  expect(values('ConfidenceLevel')).toEqual([...CONFIDENCE_LEVELS]);
  expect(values('ConsistencyScope')).toEqual([...CONSISTENCY_SCOPES]);
  const words = ['ConfidenceLevel', 'ConsistencyScope', 'OnUnmet'].flatMap(values);
  expect(words.filter((word) => !page.includes(word))).toEqual([]);
  const whole = {
    minConfidence: 'HIGH',
    scope: 'STRONG',
    maxStalenessMs: 1,
    atLeast: 'x',
    onUnmet: 'NULL',
    timeoutMs: 1,
  } as const;
  const keys = headerOf(whole)
    .split(', ')
    .map((part) => part.split('=')[0]);
  for (const [i, argument] of Object.keys(whole).entries()) {
    expect(schema.getDirective('consistency')?.args.map(({ name }) => name)).toContain(argument);
    expect(page).toContain(`| \`${argument}\` | \`${keys[i]}=`);
  }
});

test('every code with which a token is refused is in docs/ERRORS.md', () => {
  const errors = read('docs/ERRORS.md');
  const codes = TOKEN_REFUSALS.filter((code) => !errors.includes(`\`${code}\``));
  expect(codes).toEqual([]);
});
