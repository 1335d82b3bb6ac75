import { eventually } from '../../../../test/harness/eventually.js';
import type { TestElasticsearch } from '../../../../test/harness/elasticsearch.js';
import { code, readOne } from '../../conformance.js';
import { appliedOf, copyOf, History, key } from '../../conformance.data.js';
import { idOf } from '../document.js';
import { connectElastic, type TestModels } from './models.js';

/** What others do to the data and to the server. */
export function describeStrangers(server: () => TestElasticsearch): void {
  let models: TestModels;
  let history: History;
  beforeEach(() => {
    models = connectElastic(server().url);
    history = new History();
  });
  afterEach(() => models.close());

  const bound = async () => {
    const model = models.searchableAtOnce();
    await model.rebuild(copyOf(), history.now(), () => undefined);
    return model;
  };
  const alter = async (businessKey: string, total: string): Promise<void> => {
    const index = (await models.meta())['index'] as string;
    const doc = { calculated_value: { total_amount: total } };
    await models.client.update({ index, id: idOf(key(businessKey)), doc, refresh: true });
  };

  test("a value altered by the store's own driver changes exactly that answer", async () => {
    const model = await bound();
    const change = history.commit({ businessKey: 'a' }, { businessKey: 'b' });
    await model.apply([change], history.now());
    await alter('a', '84850000.00000001');
    const [a, b] = change.documents;
    const altered = { ...a, calculatedValue: { ...a?.calculatedValue, total_amount: '84850000.00000001' } };
    expect((await model.readMany([key('a'), key('b')])).data).toEqual([altered, b]);
    const query = { kind: 'order_window', engine: 'KAFKA_ONLY', equals: {}, orderBy: 'window_start' } as const;
    expect((await model.list({ ...query, descending: false, limit: 10 })).data).toEqual([altered, b]);
  });

  test('a version that a stranger has raised hides neither a newer change nor a repair', async () => {
    const model = await bound();
    const first = history.commit({ businessKey: 'a' });
    await model.apply([first], history.now());
    for (const total of ['1', '2', '3', '4']) await alter('a', total);
    await model.apply([first], appliedOf(first));
    expect(await readOne(model, key('a'))).toEqual(first.documents[0]);
    for (const total of ['1', '2', '3', '4']) await alter('a', total);
    const second = history.commit({ businessKey: 'a' });
    await model.apply([second], history.now());
    expect(await readOne(model, key('a'))).toEqual(second.documents[0]);
    await model.apply([first], appliedOf(first));
    expect(await readOne(model, key('a'))).toEqual(second.documents[0]);
  });

  test('a document deleted by a stranger comes back when its change comes again', async () => {
    const model = await bound();
    const change = history.commit({ businessKey: 'a' });
    await model.apply([change], history.now());
    const index = (await models.meta())['index'] as string;
    await models.client.delete({ index, id: idOf(key('a')) });
    expect(await readOne(model, key('a'))).toBeNull();
    await model.apply([change], appliedOf(change));
    expect(await readOne(model, key('a'))).toEqual(change.documents[0]);
  });

  test('what was acknowledged survives kill -9; a dead or stopped server costs a reader its limit and no more', async () => {
    const model = await bound();
    const change = history.commit({ businessKey: 'a' });
    await model.apply([change], history.now());
    await server().kill9();
    await expect(model.readMany([key('a')])).rejects.toEqual(code('STORE_UNAVAILABLE', true));
    await expect(model.binding()).rejects.toEqual(code('STORE_UNAVAILABLE', true));
    await server().restart();
    const answer = { applied: history.now(), data: change.documents };
    await eventually(async () => expect(await model.readMany([key('a')])).toEqual(answer));
    server().sigstop();
    const began = performance.now();
    await expect(model.readMany([key('a')])).rejects.toEqual(code('STORE_UNAVAILABLE', true));
    const tookMs = performance.now() - began;
    server().sigcont();
    expect(tookMs).toBeLessThan(2_500);
    await eventually(async () => expect(await model.readMany([key('a')])).toEqual(answer));
    const next = history.commit({ businessKey: 'a' });
    await eventually(() => model.apply([next], history.now()));
    expect(await readOne(model, key('a'))).toEqual(next.documents[0]);
  }, 90_000);
}
