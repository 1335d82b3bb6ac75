import fc from 'fast-check';
import { DASHBOARD, FINANCIAL, SEARCH, Session, startSteady, steadyAfter, type Answer, type Policy } from './index.js';
import { Model, tokenOf } from './testing/samples.js';

const sessionOn = (model: Model, options: ConstructorParameters<typeof Session>[0] = {}): Session =>
  new Session({ clock: model.clock, random: () => 0, ...options });
const read = (session: Session, model: Model, policy: Policy = DASHBOARD): Promise<Answer<{ value: number }>> =>
  session.read(model.send, { policy, key: 'q' });

describe('while CDC is paused', () => {
  test('a dashboard goes on with Postgres once the read model is too old, and returns when it has been good for a while', async () => {
    const model = new Model();
    const session = sessionOn(model);
    const ways: string[] = [];
    const step = async (): Promise<Answer<{ value: number }>> => {
      model.nowMs += 500;
      const answer = await read(session, model);
      const last = `${answer.decision.action} ${answer.contract?.servedBy}`;
      if (ways.at(-1) !== last) ways.push(last);
      expect(answer.shown?.value).toBe(answer.data?.value);
      return answer;
    };
    for (let i = 0; i < 10; i++) await step();
    model.pause();
    session.observe(null);
    model.write();
    for (let i = 0; i < 60; i++) await step();
    model.resume();
    for (let i = 0; i < 60; i++) await step();
    expect(ways).toEqual(['USE MONGODB', 'USE POSTGRES', 'USE MONGODB']);
  });

  test('while it goes by Postgres, each read is one request, and a probe every two seconds', async () => {
    const model = new Model();
    const session = sessionOn(model);
    // As from a new session each time: no token helps the server to see that MongoDB won't do.
    const send: typeof model.send = async ({ scope }) => model.send({ ...(scope && { scope }) }, undefined);
    const ask = (): Promise<Answer> => session.read(send, { policy: DASHBOARD, key: 'q' });
    model.pause();
    model.write();
    model.nowMs = 20_000;
    await ask();
    model.asked.length = 0;
    for (let i = 0; i < 100; i++) {
      model.nowMs += 100;
      expect((await ask()).decision.action).toBe('USE');
    }
    expect(model.asked.filter(({ scope }) => scope === 'STRONG').length).toBe(100);
    expect(model.asked.filter(({ scope }) => scope === undefined).length).toBe(5);
  });

  test('a write that the session knows of is read at once, from wherever it is', async () => {
    const model = new Model();
    const session = sessionOn(model);
    model.pause();
    session.observe(model.write());
    const answer = await read(session, model, SEARCH);
    expect(answer.data).toEqual({ value: 2 });
    expect(model.asked).toEqual([{ atLeast: tokenOf(2) }]);
  });

  test('money waits for its patience, then falls back to nothing', async () => {
    const model = new Model();
    const session = sessionOn(model);
    // Postgres does not answer and MongoDB is behind: the demand is honoured by nobody.
    const send: typeof model.send = async () => model.send({}, undefined);
    model.pause();
    model.write();
    const first = await session.read(send, { policy: FINANCIAL, key: 'q' });
    expect(first).toMatchObject({ decision: { action: 'WAIT' }, shown: null, from: 'NOTHING', data: { value: 1 } });
    model.nowMs += FINANCIAL.patienceMs;
    const second = await session.read(send, { policy: FINANCIAL, key: 'q' });
    expect(second).toMatchObject({ decision: { action: 'FALL_BACK' }, shown: null, from: 'NOTHING' });
  });
});

test('a dashboard shows the last good answer while nothing comes, and not for longer than the policy says', async () => {
  const model = new Model();
  const session = sessionOn(model);
  await read(session, model);
  model.down = true;
  model.nowMs += 60_000;
  const kept = await read(session, model);
  expect(kept).toMatchObject({ decision: { action: 'WAIT' }, shown: { value: 1 }, from: 'LAST_GOOD', data: null });
  expect(String(kept.failure)).toContain('connection refused');
  model.nowMs += 1;
  expect(await read(session, model)).toMatchObject({ shown: null, from: 'NOTHING' });
});

test('what came back is waited for until it has been good for long enough', async () => {
  const model = new Model();
  const session = sessionOn(model);
  await read(session, model);
  model.down = true;
  await read(session, model);
  model.down = false;
  const actions: string[] = [];
  for (let i = 0; i < 7; i++) {
    actions.push((await read(session, model)).decision.action);
    model.nowMs += 1_000;
  }
  expect(actions).toEqual(['WAIT', 'WAIT', 'WAIT', 'WAIT', 'WAIT', 'USE', 'USE']);
});

test('however much fails, requests grow by the ratio at most', async () => {
  const model = new Model();
  const session = sessionOn(model, { retryRatio: 0.2, retryBurst: 10 });
  model.down = true;
  await Promise.all(
    Array.from({ length: 1_000 }, (_, i) => session.read(model.send, { policy: DASHBOARD, key: `q${i}` })),
  );
  expect(model.asked.length).toBeLessThanOrEqual(1_000 + 200 + 10);
  expect(model.asked.length).toBeGreaterThan(1_000);
});

test('one read asks so often as its policy says at most, and not at all once it is aborted', async () => {
  const model = new Model();
  model.down = true;
  await read(sessionOn(model), model);
  expect(model.asked.length).toBe(DASHBOARD.retry.attempts);
  const signal = AbortSignal.abort(new Error('gone'));
  const failing = (): Promise<never> => Promise.reject(new Error('aborted by fetch'));
  await expect(sessionOn(model).read(failing, { policy: DASHBOARD, key: 'q', signal })).rejects.toThrow(
    'aborted by fetch',
  );
});

test('LOW sends nobody to Postgres: it is as LOW there', async () => {
  const model = new Model();
  const session = sessionOn(model);
  const low = async (...args: Parameters<typeof model.send>): ReturnType<typeof model.send> => {
    const response = await model.send(...args);
    const consistency = response.extensions?.['consistency'] as { contracts: object[] };
    const contracts = consistency.contracts.map((c) => ({
      ...c,
      confidenceLevel: 'LOW',
      reasons: ['RESTART_DUPLICATION'],
    }));
    return { ...response, extensions: { consistency: { ...consistency, contracts, weakest: 'LOW' } } };
  };
  for (let i = 0; i < 5; i++)
    expect((await session.read(low, { policy: DASHBOARD, key: 'q' })).decision.action).toBe('FALL_BACK');
  expect(model.asked.every(({ scope }) => scope === undefined)).toBe(true);
  expect(model.asked.length).toBe(5);
});

test('what the server could not bring up to the token is not shown, not even with a warning', async () => {
  const model = new Model();
  const session = sessionOn(model);
  // Postgres is down: of MongoDB's answer the server says what it lacks.
  const send: typeof model.send = async (requirement) => {
    const response = await model.send({}, undefined);
    const unmet = [
      { path: 'value', required: requirement, offered: [{ store: 'MONGODB', lacks: ['POSITION'] }], retryAfterMs: 40 },
    ];
    return { ...response, extensions: { consistency: { ...(response.extensions?.['consistency'] as object), unmet } } };
  };
  model.pause();
  session.observe(model.write());
  const answer = await session.read(send, { policy: SEARCH, key: 'q' });
  expect(answer).toMatchObject({ shown: null, from: 'NOTHING', data: { value: 1 }, decision: { action: 'FALL_BACK' } });
  expect(answer.decision.why.map(({ code }) => code)).toContain('UNMET');
  expect(session.token).toBe(tokenOf(2));
  const patient = await session.read(send, { policy: { ...SEARCH, patienceMs: 1_000 }, key: 'q' });
  expect(patient.decision).toMatchObject({ action: 'WAIT', waitMs: 40 });
});

test('CONSISTENCY_UNMET as an error is asked again, stricter', async () => {
  const model = new Model();
  const send: typeof model.send = async (requirement) =>
    requirement.scope === 'STRONG'
      ? model.send(requirement, undefined)
      : {
          data: { value: null },
          errors: [{ message: 'no', extensions: { code: 'CONSISTENCY_UNMET', retryAfterMs: 7 } }],
        };
  const answer = await sessionOn(model).read(send, { policy: DASHBOARD, key: 'q' });
  expect(answer).toMatchObject({ decision: { action: 'USE' }, shown: { value: 1 }, attempts: 2, way: 'STRICTER' });
});

test('a token of another history is dropped and said so; the read goes on without it', async () => {
  const model = new Model();
  const said: string[] = [];
  const session = sessionOn(model, { onReset: (code) => said.push(code) });
  await read(session, model);
  model.incarnation = 'inc-2';
  const answer = await read(session, model);
  expect(answer).toMatchObject({ reset: true, decision: { action: 'USE' }, data: { value: 1 } });
  expect(said).toEqual(['TOKEN_FOREIGN']);
  expect(session.token).toBe(tokenOf(1, 'inc-2'));
});

test('over any order of writes, pauses and answers a session reads its writes and never sees the past', async () => {
  const step = fc.constantFrom('write', 'foreign write', 'pause', 'resume', 'read', 'read', 'read at once', 'tick');
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.constantFrom(DASHBOARD, SEARCH, FINANCIAL),
      async (steps, policy) => {
        const model = new Model();
        const session = sessionOn(model);
        let known = 0;
        const check = async (): Promise<void> => {
          const floor = known;
          const { data } = await read(session, model, policy);
          expect(data?.value).toBeGreaterThanOrEqual(floor);
          known = Math.max(known, data?.value ?? 0);
        };
        for (const each of steps) {
          if (each === 'write') {
            session.observe(model.write());
            known = model.position;
          } else if (each === 'foreign write') model.write();
          else if (each === 'pause') model.pause();
          else if (each === 'resume') model.resume();
          else if (each === 'tick') model.nowMs += 3_000;
          else if (each === 'read at once') await Promise.all([check(), check(), check()]);
          else await check();
        }
      },
    ),
  );
});

test('however good and bad take turns, it becomes good again so often as the holding times allow, each twice the last', () => {
  const rule = DASHBOARD.steady;
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 4_000 })), { maxLength: 300 }), (answers) => {
      let state = startSteady(rule);
      let now = 0;
      const returns: number[] = [];
      let badAt = -Infinity;
      for (const [good, ms] of answers) {
        now += ms;
        const before = state;
        state = steadyAfter(state, good, now, rule);
        if (!good) expect(state.good).toBe(false);
        if (before.good && !state.good) badAt = now;
        if (!before.good && state.good) {
          returns.push(now);
          expect(now - badAt).toBeGreaterThanOrEqual(rule.forMs);
        }
      }
      for (const [i, at] of returns.entries())
        if (i > 0) expect(at - returns[i - 1]!).toBeGreaterThanOrEqual(rule.forMs);
    }),
  );
  let state = startSteady(rule);
  const holds: number[] = [];
  for (let now = 0; now < 600_000; now += 1_000) {
    state = steadyAfter(state, !state.good || now % 2_000 === 1, now, rule);
    if (holds.at(-1) !== state.holdMs) holds.push(state.holdMs);
  }
  expect(holds).toEqual([5_000, 10_000, 20_000, 40_000, 60_000]);
});
