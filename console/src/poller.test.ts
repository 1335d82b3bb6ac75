import { jest } from '@jest/globals';
import { CombinedGraphQLErrors, ServerError } from '@apollo/client/errors';
import { Poller, type Asked, type Live } from './poller.js';
import { TokenStore } from './token.js';
import { troubleOf } from './trouble.js';

interface Question {
  readonly signal: AbortSignal;
  readonly answer: (asked: Asked<number>) => Promise<void>;
  readonly fail: (error: Error) => Promise<void>;
}

/** A poller whose questions are answered by hand. Each answer is passed on before the next line of the test. */
function rig() {
  const questions: Question[] = [];
  const told: Live<number>[] = [];
  let nowMs = 0;
  const settled = async (act: () => void): Promise<void> => {
    act();
    await jest.advanceTimersByTimeAsync(0);
  };
  const poller = new Poller<number>({
    everyMs: 1_000,
    now: () => ({ monotonicMs: nowMs, wallMs: nowMs }),
    tell: (live) => told.push(live),
    ask: (signal) =>
      new Promise((resolve, reject) => {
        questions.push({
          signal,
          answer: (asked) => settled(() => resolve(asked)),
          fail: (error) => settled(() => reject(error)),
        });
      }),
  });
  const pass = async (ms: number): Promise<void> => {
    nowMs += ms;
    await jest.advanceTimersByTimeAsync(ms);
  };
  return { poller, questions, told, pass };
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test('one question at a time, the next a second after the answer', async () => {
  const { poller, questions, told, pass } = rig();
  poller.resume();
  await pass(10_000);
  expect(questions.length).toBe(1);
  await questions[0]!.answer({ data: 1, error: null });
  expect(told).toEqual([{ data: 1, since: { monotonicMs: 0, wallMs: 0 }, error: null, rounds: 1 }]);
  await pass(999);
  expect(questions.length).toBe(1);
  await pass(1);
  expect(questions.length).toBe(2);
  poller.pause();
});

test('a failure keeps the figures with their time, and says what happened', async () => {
  const { poller, questions, told, pass } = rig();
  poller.resume();
  await questions[0]!.answer({ data: 1, error: null });
  await pass(1_000);
  const gone = new Error('gone');
  await questions[1]!.fail(gone);
  await pass(1_000);
  await questions[2]!.answer({ data: null, error: gone });
  const kept = { data: 1, since: { monotonicMs: 0, wallMs: 0 }, error: gone };
  expect(told.slice(1)).toEqual([
    { ...kept, rounds: 2 },
    { ...kept, rounds: 3 },
  ]);
  await pass(1_000);
  await questions[3]!.answer({ data: 2, error: null });
  expect(told.at(-1)).toMatchObject({ data: 2, error: null, since: { monotonicMs: 3_000 } });
  poller.pause();
});

test('while nobody looks nothing is asked and nothing told; then at once', async () => {
  const { poller, questions, told, pass } = rig();
  poller.resume();
  poller.pause();
  expect(questions[0]!.signal.aborted).toBe(true);
  await questions[0]!.answer({ data: 1, error: null });
  await pass(60_000);
  expect([questions.length, told]).toEqual([1, []]);
  poller.resume();
  poller.resume();
  expect(questions.length).toBe(2);
  await questions[1]!.answer({ data: 2, error: null });
  expect(told.map(({ data }) => data)).toEqual([2]);
  poller.pause();
});

test('what went wrong is told apart: no answer, a refusal, a part, a token', () => {
  const refused = new CombinedGraphQLErrors({
    errors: [
      { message: 'Too much.', extensions: { code: 'COST_EXCEEDED' } },
      { message: 'Too much.', extensions: { code: 'COST_EXCEEDED' } },
    ],
  });
  const answered = (statusCode: number) =>
    new ServerError('no', { response: new Response(null, { status: statusCode }), bodyText: '' });
  expect(troubleOf(null, true)).toBeNull();
  expect(troubleOf(new TypeError('fetch failed'), false)?.kind).toBe('UNREACHABLE');
  expect(troubleOf(refused, false)).toEqual({ kind: 'REFUSED', message: 'Too much. (COST_EXCEEDED)' });
  expect(troubleOf(refused, true)?.kind).toBe('PARTLY');
  expect(troubleOf(answered(401), false)?.kind).toBe('TOKEN');
  expect(troubleOf(answered(503), false)).toEqual({ kind: 'REFUSED', message: 'The server answered 503.' });
});

test('a token lives as long as the tab, and without storage as long as the page', () => {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
  new TokenStore(storage).set('secret');
  expect(new TokenStore(storage).token).toBe('secret');
  new TokenStore(storage).forget();
  expect([new TokenStore(storage).token, kept.size]).toEqual([null, 0]);
  const closed = () => {
    throw new Error('denied');
  };
  const without = new TokenStore({ getItem: closed, setItem: closed, removeItem: closed });
  without.set('secret');
  expect(without.token).toBe('secret');
});
