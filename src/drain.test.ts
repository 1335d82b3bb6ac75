import { drain } from './drain.js';

const told: string[] = [];
const tell = (error: unknown): void => void told.push((error as Error).message);
beforeEach(() => told.splice(0));

test('what was started last ends first, and a failure keeps nothing else from ending', async () => {
  const ended: string[] = [];
  const step = (name: string) => async () => void ended.push(name);
  await drain([step('a'), () => Promise.reject(new Error('b fails')), step('c')], 10_000, tell);
  expect([ended, told]).toEqual([['c', 'a'], ['b fails']]);
});

test('a step that never ends is not waited for beyond the limit, which is told', async () => {
  await drain([() => new Promise(() => undefined)], 50, tell);
  expect(told).toEqual(['not drained within 50 ms']);
});
