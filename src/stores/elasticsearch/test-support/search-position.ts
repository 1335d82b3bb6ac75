import type { Client } from '@elastic/elasticsearch';
import { eventually } from '../../../../test/harness/eventually.js';
import { copyOf, History, key } from '../../conformance.data.js';
import type { Change, ListQuery, ReadModel } from '../../port.js';
import { connectElastic, type TestModels } from './models.js';

const NEVER_MS = 3_600_000;
const everything: ListQuery = {
  kind: 'order_window',
  engine: 'KAFKA_ONLY',
  equals: {},
  orderBy: 'window_start',
  descending: false,
  limit: 501,
};

const searchPosition = async (model: ReadModel): Promise<bigint | undefined> =>
  (await model.list(everything)).applied?.position;
const listed = async (model: ReadModel): Promise<string[]> =>
  (await model.list(everything)).data.map(({ businessKey }) => businessKey);

const refreshes = async (client: Client, index: string): Promise<number> =>
  (await client.indices.stats({ index, metric: 'refresh' }))._all.primaries?.refresh?.external_total ?? NaN;

export function describeSearchPosition(url: () => string): void {
  let models: TestModels;
  let history: History;
  beforeEach(() => {
    models = connectElastic(url());
    history = new History();
  });
  afterEach(() => models.close());

  const bound = async (refreshMs: number) => {
    const model = models.model({ refreshMs });
    await model.rebuild(copyOf(), history.now(), () => undefined);
    return model;
  };
  const apply = (model: ReadModel, ...changes: Change[]): Promise<void> => model.apply(changes, history.now());

  test('the search position moves only after a refresh, the applied position at once', async () => {
    const model = await bound(NEVER_MS);
    await apply(model, history.commit({ businessKey: 'a' }));
    // The first refresh may be made at once, the next one only after the pace.
    await eventually(async () => expect(await searchPosition(model)).toBe(1n));
    const second = history.commit({ businessKey: 'b' });
    await apply(model, second);
    await apply(model, history.commit());
    expect(await model.readMany([key('b')])).toEqual({ applied: history.now(), data: second.documents });
    expect(await searchPosition(model)).toBe(1n);
    expect(await listed(model)).toEqual(['a']);
    // A stranger's refresh shows more than is promised; the promise stays.
    await models.client.indices.refresh({ index: `${models.prefix}-results-*` });
    expect(await listed(model)).toEqual(['a', 'b']);
    expect(await searchPosition(model)).toBe(1n);
    await model.searchable();
    expect((await model.list(everything)).applied).toEqual(history.now());
  });

  test('idle heartbeats move the search position without a refresh', async () => {
    const model = await bound(50);
    await apply(model, history.commit({ businessKey: 'a' }));
    await eventually(async () => expect(await searchPosition(model)).toBe(1n));
    const index = (await models.meta())['index'] as string;
    const before = await refreshes(models.client, index);
    for (let beat = 0; beat < 10; beat += 1) await apply(model, history.commit());
    expect((await model.list(everything)).applied).toEqual(history.now());
    expect(await refreshes(models.client, index)).toBe(before);
  });

  test('under changes it refreshes at its pace, and at the end everything is searchable', async () => {
    const model = await bound(200);
    const index = (await models.meta())['index'] as string;
    const before = await refreshes(models.client, index);
    const began = performance.now();
    for (let n = 0; n < 60; n += 1) await apply(model, history.commit({ businessKey: `k${n}` }));
    await eventually(async () => expect(await searchPosition(model)).toBe(60n));
    const most = Math.ceil((performance.now() - began) / 200) + 1;
    expect((await refreshes(models.client, index)) - before).toBeLessThanOrEqual(most);
    expect(await listed(model)).toHaveLength(60);
  });

  test('a successor makes searchable what its predecessor applied and never refreshed', async () => {
    const model = await bound(NEVER_MS);
    await apply(model, history.commit({ businessKey: 'a' }));
    await eventually(async () => expect(await searchPosition(model)).toBe(1n));
    await apply(model, history.commit({ businessKey: 'b' }));
    const successor = models.model({ refreshMs: 50 });
    await apply(successor, history.commit());
    await eventually(async () => expect((await successor.list(everything)).applied).toEqual(history.now()));
    expect(await listed(successor)).toEqual(['a', 'b']);
  });
}
