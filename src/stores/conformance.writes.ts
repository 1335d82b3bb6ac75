import { code, readOne, type Claim } from './conformance.js';
import { appliedOf, copyOf, History, key, result } from './conformance.data.js';
import type { Change, ReadModel } from './port.js';

const a = key('a');

export async function bindEmpty(model: ReadModel, history: History): Promise<void> {
  await model.rebuild(copyOf(), history.now(), () => undefined);
}

const appliedPosition = async (model: ReadModel): Promise<bigint | null> =>
  (await model.readMany([a])).applied?.position ?? null;

export function describeWrites(claim: Claim): void {
  claim('unbound', 'a store that was never filled is unbound, answers nothing and takes nothing', async ({ model }) => {
    const history = new History();
    expect(await model.binding()).toMatchObject({ status: 'unbound' });
    await expect(model.readMany([a])).rejects.toEqual(code('POSITION_UNKNOWN', true));
    await expect(model.apply([history.commit({ businessKey: 'a' })], history.now())).rejects.toEqual(
      code('POSITION_UNKNOWN', true),
    );
    await bindEmpty(model, history);
    expect(await model.binding()).toEqual({ status: 'bound', applied: history.now() });
  });

  claim('absent', 'results come in the order of their keys, null where there is none', async ({ model }) => {
    const history = new History();
    await bindEmpty(model, history);
    const change = history.commit(
      { businessKey: 'a' },
      { businessKey: 'b', deleted: true },
      { businessKey: 'a', kind: 'order' },
    );
    await model.apply([change], history.now());
    const asked = [key('b'), key('c'), a, { ...a, engine: 'FLINK' as const }, a, key('a', 'order')];
    const { data, applied } = await model.readMany(asked);
    const [first, second, third] = change.documents;
    expect(data).toEqual([second, null, first, null, first, third]);
    expect(applied).toEqual(history.now());
    expect((await model.readMany([])).data).toEqual([]);
  });

  claim('redelivery', 'a change applied again changes nothing', async (subject) => {
    const history = new History();
    await bindEmpty(subject.model, history);
    const changes = [history.commit({ businessKey: 'a' }), history.commit({ businessKey: 'b' }), history.commit()];
    for (const model of [subject.model, subject.model, subject.another()]) {
      await model.apply(changes, history.now());
      expect(await model.readMany([a, key('b')])).toEqual({
        applied: history.now(),
        data: [changes[0]?.documents[0], changes[1]?.documents[0]],
      });
    }
  });

  claim('stale-write', 'an older change leaves the newer result as it is', async (subject) => {
    const history = new History();
    await bindEmpty(subject.model, history);
    const older = history.commit({ businessKey: 'a', run: 'old' }, { businessKey: 'b' });
    const newer = history.commit({ businessKey: 'a', run: 'new' });
    await subject.model.apply([older, newer], history.now());
    await subject.another().apply([older], appliedOf(older));
    expect(await readOne(subject.model, a)).toEqual(newer.documents[0]);
    expect(await appliedPosition(subject.model)).toBe(newer.position);
  });

  claim('delete', 'a deleted result stays deleted when an older update comes again', async ({ model }) => {
    const history = new History();
    await bindEmpty(model, history);
    const update = history.commit({ businessKey: 'a' });
    const removal = history.commit({ businessKey: 'a', deleted: true });
    await model.apply([update, removal], history.now());
    await model.apply([update], appliedOf(update));
    expect(await readOne(model, a)).toEqual(removal.documents[0]);
  });

  claim('same-key-twice', 'of two writes of a key in one batch the newer one stays', async ({ model }) => {
    const history = new History();
    await bindEmpty(model, history);
    const changes = [
      history.commit({ businessKey: 'a' }),
      history.commit({ businessKey: 'b' }),
      history.commit({ businessKey: 'a' }),
    ];
    await model.apply(changes, history.now());
    expect(await readOne(model, a)).toEqual(changes[2]?.documents[0]);
    expect(await readOne(model, key('b'))).toEqual(changes[1]?.documents[0]);
  });

  claim(
    'lost-acknowledgement',
    'a crash between data and position loses nothing and claims nothing',
    async (subject) => {
      const { model } = subject;
      const history = new History();
      await bindEmpty(model, history);
      const before = history.now();
      const changes = [history.commit({ businessKey: 'a' }), history.commit({ businessKey: 'b' })];
      await subject.breakApplied();
      await expect(model.apply(changes, history.now())).rejects.toMatchObject({ retryable: true });
      expect(await model.binding()).toEqual({ status: 'bound', applied: before });
      await subject.healApplied();
      const successor = subject.another();
      expect(await successor.binding()).toEqual({ status: 'bound', applied: before });
      const further = history.commit({ businessKey: 'a' });
      await successor.apply([...changes, further], history.now());
      const { applied, data } = await model.readMany([a, key('b')]);
      expect(applied).toEqual(history.now());
      expect(data).toEqual([further.documents[0], changes[1]?.documents[0]]);
    },
  );

  claim(
    'rejected',
    'a document that the store refuses moves nothing, however often it comes',
    async ({ model, unacceptable }) => {
      const history = new History();
      await bindEmpty(model, history);
      const fine = history.commit({ businessKey: 'a' });
      await model.apply([fine], history.now());
      const change = history.commit({ businessKey: 'b' });
      const refused = { ...change, documents: [unacceptable(result(change.position, { businessKey: 'b' }))] };
      const later = history.commit({ businessKey: 'a' });
      for (const changes of [[refused], [refused, later]]) {
        await expect(model.apply(changes, history.now())).rejects.toEqual(code('CHANGE_REJECTED', false));
        expect(await appliedPosition(model)).toBe(fine.position);
      }
      expect(await readOne(model, key('b'))).toBeNull();
    },
  );

  claim('zombie', 'a server that has slept never moves the applied position back', async (subject) => {
    const history = new History();
    await bindEmpty(subject.model, history);
    const zombie = subject.another();
    await zombie.binding();
    const old = history.commit({ businessKey: 'a' });
    await subject.model.apply([old], appliedOf(old));
    await subject.model.apply([history.commit({ businessKey: 'a' }), history.commit()], history.now());
    await zombie.apply([old], appliedOf(old));
    expect(await subject.model.binding()).toEqual({ status: 'bound', applied: history.now() });
    const forged = { ...history.now(), nonce: 'of another history' };
    await expect(zombie.apply([], forged)).rejects.toEqual(code('STORE_CONFLICT', true));
  });

  claim(
    'prefix',
    'changes that leave a hole, or follow another history, do not move the applied position',
    async ({ model }) => {
      const history = new History();
      await bindEmpty(model, history);
      const [one, two, three] = [
        history.commit({ businessKey: 'a' }),
        history.commit(),
        history.commit({ businessKey: 'b' }),
      ];
      const forged = { ...one, predecessor: 'of another history' };
      for (const changes of [[two], [three], [forged]]) {
        const reached = appliedOf(changes[0] as Change);
        await expect(model.apply(changes, reached)).rejects.toEqual(code('STORE_CONFLICT', true));
        expect(await appliedPosition(model)).toBe(0n);
      }
      await model.apply([one, two], appliedOf(two));
      await model.apply([one, two, three], appliedOf(three));
      expect(await model.binding()).toEqual({ status: 'bound', applied: history.now() });
    },
  );

  claim('foreign-incarnation', 'a change of another incarnation is refused', async (subject) => {
    const history = new History('incarnation-1', 5);
    await bindEmpty(subject.model, history);
    const before = history.now();
    const other = new History('incarnation-2', 5);
    const change = other.commit({ businessKey: 'a' });
    await expect(subject.model.apply([change], other.now())).rejects.toEqual(code('STORE_CONFLICT', true));
    expect(await subject.model.readMany([a])).toEqual({ applied: before, data: [null] });
  });
}
