import type { Claim } from './conformance.js';
import { readOne } from './conformance.js';
import { History, key } from './conformance.data.js';
import { bindEmpty } from './conformance.writes.js';
import { listResults } from './listing.js';
import type { ListQuery, ReadModel } from './port.js';
import type { Position } from '../position/position.js';

const ROUNDS = 15;

/** Until nothing is left to do. */
async function purgeAll(model: ReadModel, to: Position, incarnation: string): Promise<number> {
  let purged = 0;
  for (let more = -1; more !== 0; purged += more) more = await model.purge(to, incarnation);
  return purged;
}

export function describeExpiry(claim: Claim): void {
  claim('expired', 'a listing leaves out what has expired, before its limit counts', async ({ model }) => {
    const history = new History();
    await bindEmpty(model, history);
    const changes = [
      history.commit({ businessKey: 'a' }, { businessKey: 'b' }),
      history.commit({ businessKey: 'c' }, { businessKey: 'd', deleted: true }),
      history.commit({ businessKey: 'e' }),
      history.commit({ businessKey: 'f' }),
    ];
    await model.apply(changes, history.now());
    const documents = changes.flatMap((change) => change.documents);
    const query = { kind: 'order_window', engine: 'KAFKA_ONLY', equals: {}, orderBy: 'window_start' } as const;
    for (const expiredTo of [null, ...changes.map(({ position }) => position)]) {
      for (const descending of [false, true]) {
        const asked: ListQuery = { ...query, descending, limit: 2, expiredTo };
        expect((await model.list(asked)).data).toEqual(listResults(documents, asked));
      }
    }
  });

  claim('purge', 'only what expired is removed, and only from the history that it expired in', async ({ model }) => {
    const history = new History();
    await bindEmpty(model, history);
    const changes = [
      history.commit({ businessKey: 'a' }, { businessKey: 'b' }),
      history.commit({ businessKey: 'c' }, { businessKey: 'd', deleted: true }),
      history.commit({ businessKey: 'a' }),
      history.commit({ businessKey: 'e' }),
    ];
    await model.apply(changes, history.now());
    const to = changes[1]?.position as Position;
    expect(await model.purge(to, 'another incarnation')).toBe(0);
    expect(await readOne(model, key('b'))).toEqual(changes[0]?.documents[1]);
    expect(await purgeAll(model, to, history.incarnation)).toBeGreaterThanOrEqual(3);
    const keys = ['a', 'b', 'c', 'd', 'e'].map((name) => key(name));
    const left = [changes[2]?.documents[0], null, null, null, changes[3]?.documents[0]];
    expect(await model.readMany(keys)).toEqual({ applied: history.now(), data: left });
    expect(await model.binding()).toEqual({ status: 'bound', applied: history.now() });
    // A redelivery may bring back what was removed, never what was replaced.
    await model.apply(changes, history.now());
    expect(await readOne(model, key('a'))).toEqual(changes[2]?.documents[0]);
  });

  claim('purge-under-writers', 'a result that changes while it is purged stays', async (subject) => {
    const { model } = subject;
    const history = new History();
    await bindEmpty(model, history);
    const other = subject.another();
    const names = ['a', 'b', 'c', 'd'];
    await model.apply([history.commit(...names.map((businessKey) => ({ businessKey })))], history.now());
    for (let round = 0; round < ROUNDS; round += 1) {
      const to = history.now().position;
      const change = history.commit(...names.map((businessKey) => ({ businessKey, run: `run-${round}` })));
      await Promise.all([model.apply([change], history.now()), other.purge(to, history.incarnation)]);
      expect((await model.readMany(names.map((name) => key(name)))).data).toEqual(change.documents);
    }
  });
}
