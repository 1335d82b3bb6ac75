import { readFileSync } from 'node:fs';
import { configMarkdown, loadConfig, VARIABLES } from './config.js';

const enough = { POSTGRES_URL: 'postgres://u:p@127.0.0.1:1/db', MONGODB_URL: 'mongodb://127.0.0.1:1/' };

test('docs/CONFIG.md is what the schema says: npx tidemark config --markdown', () => {
  expect(readFileSync(new URL('../docs/CONFIG.md', import.meta.url), 'utf8')).toBe(configMarkdown());
});

test.each([
  ['POSTGRES_URL', undefined, 'CONFIG_INVALID', /^POSTGRES_URL is not set/],
  ['POSTGRES_URL', 'mysql://x', 'CONFIG_INVALID', /^POSTGRES_URL is not usable: must look like postgres:/],
  ['KAFKA_BROKERS', 'nowhere', 'CONFIG_INVALID', /^KAFKA_BROKERS is not usable: must be host:port/],
  ['TIDEMARK_PORT', '70000', 'CONFIG_INVALID', /^TIDEMARK_PORT is not usable/],
  ['HEARTBEAT_MS', '251', 'CONFIG_INVALID', /^HEARTBEAT_MS is not usable/],
  ['TIDEMARK_SEEDED_BUG', '', 'CONFIG_INVALID', /^TIDEMARK_SEEDED_BUG is for the lab alone/],
  ['TIDEMARK_TOKEN', 'short', 'CONFIG_INVALID', /^TIDEMARK_TOKEN is not usable: must have at least 16 characters/],
])('an unusable %s stops the start with its name', (name, value, code, sentence) => {
  let thrown: unknown;
  try {
    loadConfig({ ...enough, [name]: value });
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code, message: expect.stringMatching(sentence) });
});

test('defaults are usable, empty means not set, and nothing can be changed afterwards', () => {
  const config = loadConfig({ ...enough, TIDEMARK_TOKEN: '', TIDEMARK_PORT: '' });
  expect([config.TIDEMARK_HOST, config.TIDEMARK_PORT, config.TIDEMARK_TOKEN]).toEqual(['127.0.0.1', 4000, undefined]);
  expect(Object.isFrozen(config)).toBe(true);
});

test('no default holds a credential', () => {
  for (const [name, variable] of Object.entries(VARIABLES)) {
    expect([name, variable.default?.includes('@') ?? false]).toEqual([name, false]);
  }
});
