import type { ResultKey } from '../position/commit-log.js';
import { position } from '../position/position.js';
import { code, readOne, type Claim } from './conformance.js';
import { History, key, result } from './conformance.data.js';
import { bindEmpty } from './conformance.writes.js';
import { compareText } from './listing.js';
import type { ListQuery, ReadModel, Repair, Scanned, StoredResult } from './port.js';

const ROUNDS = 15;
const FAR = position(900_000);

const everything: ListQuery = {
  kind: 'order_window',
  engine: 'KAFKA_ONLY',
  equals: {},
  orderBy: 'window_start',
  descending: false,
  limit: 501,
};

/** All that a scan gives of one kind and engine, in pages. */
async function scanAll(
  model: ReadModel,
  { kind, engine }: Pick<ResultKey, 'kind' | 'engine'>,
  limit: number,
): Promise<Scanned[]> {
  const found: Scanned[] = [];
  for (;;) {
    const after = found.at(-1)?.businessKey ?? '';
    const { data } = await model.scan({ kind, engine, after, limit });
    found.push(...data);
    if (data.length < limit) return found;
  }
}

const inOrder = (documents: readonly StoredResult[], { kind, engine }: Pick<ResultKey, 'kind' | 'engine'>): Scanned[] =>
  documents
    .filter((document) => document.kind === kind && document.engine === engine)
    .sort((a, b) => compareText(a.businessKey, b.businessKey))
    .map((document) => ({ businessKey: document.businessKey, result: document }));

const with_ = (document: StoredResult, over: Repair['over'] = null): Repair => ({ document, over });

export function describeAudit(claim: Claim): void {
  claim(
    'scan',
    'a scan gives all that lies there of one kind and engine, page by page by the bytes of the keys',
    async (subject) => {
      const { model } = subject;
      const history = new History();
      await bindEmpty(model, history);
      const names = ['a', 'Z', 'a|b', 'a%b', 'aa', 'é', '\uffee', '\u{1F600}', 'x@2026-01-05T09:00:00.000Z'];
      const change = history.commit(
        ...names.map((businessKey) => ({ businessKey, deleted: businessKey === 'aa' })),
        ...names.map((businessKey) => ({ businessKey, engine: 'FLINK' as const })),
        { businessKey: 'a', kind: 'order' },
        { businessKey: 'a', kind: 'order_windows' },
      );
      await model.apply([change], history.now());
      for (const place of [key(''), key('', 'order'), { ...key(''), engine: 'FLINK' as const }, key('', 'nothing')]) {
        for (const limit of [2, 100])
          expect(await scanAll(model, place, limit)).toEqual(inOrder(change.documents, place));
      }
      expect((await model.scan({ ...key(''), after: 'a', limit: 1 })).applied).toEqual(history.now());
    },
  );

  claim(
    'repair',
    'what was altered, removed, added or put back by a stranger is as it belongs after a repair, on every path',
    async (subject) => {
      const { model } = subject;
      const history = new History();
      await bindEmpty(model, history);
      const first = history.commit({ businessKey: 'a' }, { businessKey: 'b' }, { businessKey: 'old' });
      const second = history.commit({ businessKey: 'old', run: 'run-2' }, { businessKey: 'untouched' });
      await model.apply([first, second], history.now());
      const [a, b, old] = first.documents as [StoredResult, StoredResult, StoredResult];
      const [young] = second.documents as [StoredResult];
      await subject.plant({ ...a, calculatedValue: { ...a.calculatedValue, total_amount: '1' } });
      await subject.remove(b);
      await subject.plant(old);
      const extra = result(first.position, { businessKey: 'extra' });
      await subject.plant(extra);
      const gone = { ...extra, calculatedValue: {}, deleted: true };
      const { data } = await model.scan({ ...key(''), after: '', limit: 10 });
      expect(data.map(({ businessKey }) => businessKey)).toEqual(['a', 'extra', 'old', 'untouched']);
      expect(data.map(({ result: found }) => found?.calculatedValue['total_amount'])[0]).toBe('1');
      expect(data[2]?.result).toEqual(old);
      for (let times = 0; times < 2; times += 1) {
        await model.repair([with_(a), with_(b), with_(young), with_(gone, extra.position)], history.incarnation);
        const keys = ['a', 'b', 'old', 'extra', 'untouched'].map((name) => key(name));
        const right = [a, b, young, gone, second.documents[1]];
        expect(await model.readMany(keys)).toEqual({ applied: history.now(), data: right });
        const listed = (await model.list(everything)).data.map(({ businessKey, run }) => [businessKey, run]);
        expect(listed).toEqual([['a', 'run-1'], ['b', 'run-1'], ['old', 'run-2'], ['untouched', 'run-1']]); // prettier-ignore
      }
      expect(await model.binding()).toEqual({ status: 'bound', applied: history.now() });
    },
  );

  claim('repair-newer', 'a repair never takes a newer document back, however the two meet', async (subject) => {
    const { model } = subject;
    const other = subject.another();
    const history = new History();
    await bindEmpty(model, history);
    const names = ['a', 'b', 'c', 'd'];
    let last = history.commit(...names.map((businessKey) => ({ businessKey })));
    await model.apply([last], history.now());
    for (let round = 0; round < ROUNDS; round += 1) {
      const older = last.documents.map((document) => with_(document));
      last = history.commit(...names.map((businessKey) => ({ businessKey, run: `run-${round}` })));
      await Promise.all([model.apply([last], history.now()), other.repair(older, history.incarnation)]);
      expect((await model.readMany(names.map((name) => key(name)))).data).toEqual(last.documents);
    }
    await other.repair([with_({ ...last.documents[0]!, position: position(1) }, position(2))], history.incarnation);
    expect(await readOne(model, key('a'))).toEqual(last.documents[0]);
  });

  claim(
    'repair-ahead',
    'a document from a position that never was gives way to its repair, and later changes are taken again',
    async (subject) => {
      const { model } = subject;
      const history = new History();
      await bindEmpty(model, history);
      const change = history.commit({ businessKey: 'a' });
      await model.apply([change], history.now());
      const [a] = change.documents as [StoredResult];
      const ahead = { ...result(FAR, { businessKey: 'a', run: 'stranger' }) };
      await subject.plant(ahead);
      await model.repair([with_(a)], history.incarnation);
      expect(await readOne(model, key('a'))).toEqual(ahead);
      await model.repair([with_(a, FAR)], history.incarnation);
      expect(await readOne(model, key('a'))).toEqual(a);
      const next = history.commit({ businessKey: 'a', run: 'run-2' });
      await model.apply([next], history.now());
      expect(await readOne(model, key('a'))).toEqual(next.documents[0]);
    },
  );

  claim('repair-unreadable', 'what is no document any more is found by a scan, and mended', async (subject) => {
    const { model } = subject;
    const history = new History();
    await bindEmpty(model, history);
    const change = history.commit({ businessKey: 'a' }, { businessKey: 'b' });
    await model.apply([change], history.now());
    await subject.garble(key('a'));
    const { data } = await model.scan({ ...key(''), after: '', limit: 10 });
    expect(data).toEqual([
      { businessKey: 'a', result: null },
      { businessKey: 'b', result: change.documents[1] },
    ]);
    await model.repair([with_(change.documents[0]!)], history.incarnation);
    expect((await model.readMany([key('a'), key('b')])).data).toEqual(change.documents);
  });

  claim(
    'repair-foreign',
    'nothing is repaired in a store of another history, or in one that was wiped',
    async (subject) => {
      const { model } = subject;
      const history = new History();
      await bindEmpty(model, history);
      const change = history.commit({ businessKey: 'a' });
      await model.apply([change], history.now());
      const repair = with_({ ...change.documents[0]!, run: 'other' });
      await expect(model.repair([repair], 'another incarnation')).rejects.toEqual(code('STORE_CONFLICT', true));
      expect(await readOne(model, key('a'))).toEqual(change.documents[0]);
      await subject.wipe();
      await expect(model.repair([repair], history.incarnation)).rejects.toEqual(code('POSITION_UNKNOWN', true));
      await expect(model.scan({ ...key(''), after: '', limit: 1 })).rejects.toEqual(code('POSITION_UNKNOWN', true));
    },
  );
}
