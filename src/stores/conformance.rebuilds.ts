import { code, readOne, type Claim, type ConformanceSubject } from './conformance.js';
import { copyOf, History, key, result } from './conformance.data.js';
import { bindEmpty } from './conformance.writes.js';
import type { StoredResult } from './port.js';

const a = key('a');

async function filled({ model }: ConformanceSubject, history: History): Promise<StoredResult> {
  await bindEmpty(model, history);
  const change = history.commit({ businessKey: 'a', run: 'before' });
  await model.apply([change], history.now());
  return change.documents[0] as StoredResult;
}

async function lost(subject: ConformanceSubject, loss: () => Promise<void>): Promise<void> {
  const { model } = subject;
  const history = new History();
  await filled(subject, history);
  const reader = subject.another();
  await loss();
  expect(await subject.another().binding()).toMatchObject({ status: 'unbound' });
  await expect(reader.readMany([a])).rejects.toEqual(code('POSITION_UNKNOWN', true));
  // Neither a heartbeat nor a document goes into what is not the store any more.
  for (const written of [[], [{ businessKey: 'a' }]]) {
    const change = history.commit(...written);
    await expect(model.apply([change], history.now())).rejects.toEqual(code('POSITION_UNKNOWN', true));
    await expect(reader.readMany([a])).rejects.toEqual(code('POSITION_UNKNOWN', true));
  }
  const copied = result(history.now().position, { businessKey: 'a' });
  await model.rebuild(copyOf([copied]), history.now(), () => undefined);
  expect(await reader.readMany([a])).toEqual({ applied: history.now(), data: [copied] });
  const next = history.commit({ businessKey: 'a' });
  await model.apply([next], history.now());
  expect(await readOne(reader, a)).toEqual(next.documents[0]);
}

export function describeRebuilds(claim: Claim): void {
  claim('wiped', 'a wiped store is unknown until it is rebuilt', (subject) => lost(subject, () => subject.wipe()));
  claim('dropped', 'a dropped store is not created again by a write', (subject) => lost(subject, () => subject.drop()));

  claim('rebuild-beside', 'readers keep the old answers until the swap', async (subject) => {
    const { model } = subject;
    const history = new History();
    const before = await filled(subject, history);
    const applied = history.now();
    const reader = subject.another();
    const other = new History('incarnation-2', 40);
    const rows = ['a', 'b', 'c', 'd'].map((businessKey) => result(other.now().position, { businessKey, run: 'after' }));
    const progress: number[] = [];
    async function* watched(): AsyncGenerator<readonly StoredResult[]> {
      for (const batch of [rows.slice(0, 2), rows.slice(2)]) {
        yield batch;
        expect(await reader.readMany([a, key('c')])).toEqual({ applied, data: [before, null] });
      }
    }
    await model.rebuild(watched(), other.now(), (count) => progress.push(count));
    expect(await reader.readMany([a, key('c')])).toEqual({ applied: other.now(), data: [rows[0], rows[2]] });
    expect(progress.at(-1)).toBe(4);
    expect(progress).toEqual([...progress].sort((x, y) => x - y));
    expect(await subject.another().binding()).toEqual({ status: 'bound', applied: other.now() });
  });

  claim('rebuild-failed', 'a rebuild that fails half-way changes nothing', async (subject) => {
    const history = new History();
    const before = await filled(subject, history);
    const applied = history.now();
    async function* failing(): AsyncGenerator<readonly StoredResult[]> {
      yield [result(applied.position, { businessKey: 'a', run: 'half' })];
      throw new Error('the truth went away');
    }
    const other = new History('incarnation-2', 40);
    await expect(subject.model.rebuild(failing(), other.now(), () => undefined)).rejects.toThrow('the truth went away');
    expect(await subject.model.readMany([a])).toEqual({ applied, data: [before] });
    const next = history.commit({ businessKey: 'a' });
    await subject.model.apply([next], history.now());
    expect(await readOne(subject.model, a)).toEqual(next.documents[0]);
    await subject.model.rebuild(
      copyOf([result(other.now().position, { businessKey: 'a' })]),
      other.now(),
      () => undefined,
    );
    expect((await subject.model.readMany([a])).applied).toEqual(other.now());
  });

  claim(
    'rebuild-conflict',
    'a rebuild gives way when another server has moved the store meanwhile',
    async (subject) => {
      const history = new History();
      await filled(subject, history);
      const zombie = subject.another();
      const copy = result(history.now().position, { businessKey: 'a', run: 'copy of the zombie' });
      const snapshot = history.now();
      const next = history.commit({ businessKey: 'a' });
      async function* slow(): AsyncGenerator<readonly StoredResult[]> {
        await subject.model.apply([next], history.now());
        yield [copy];
      }
      await expect(zombie.rebuild(slow(), snapshot, () => undefined)).rejects.toEqual(code('STORE_CONFLICT', true));
      expect(await subject.model.readMany([a])).toEqual({ applied: history.now(), data: next.documents });
    },
  );

  claim('rebuild-backwards', 'a rebuild never takes a bound store back in its own incarnation', async (subject) => {
    const history = new History();
    const snapshot = history.now();
    await filled(subject, history);
    await expect(subject.model.rebuild(copyOf(), snapshot, () => undefined)).rejects.toEqual(
      code('STORE_CONFLICT', true),
    );
    expect((await subject.model.readMany([a])).applied).toEqual(history.now());
  });
}
