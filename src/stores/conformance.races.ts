import type { Claim } from './conformance.js';
import { copyOf, History, key } from './conformance.data.js';
import { bindEmpty } from './conformance.writes.js';
import type { Answer, Applied, Change, ListQuery, ReadModel, StoredResult } from './port.js';

const ROUNDS = 150;
const KEYS = ['a', 'b', 'c', 'd', 'shared'];
const everything: ListQuery = {
  kind: 'order_window',
  engine: 'KAFKA_ONLY',
  equals: {},
  orderBy: 'window_start',
  descending: false,
  limit: 501,
};

/** The truth of the race: the newest document of each key at each position. */
class Truth {
  private readonly written: Change[] = [];

  add(change: Change): Change {
    this.written.push(change);
    return change;
  }

  at(applied: Applied): Map<string, StoredResult> {
    const newest = new Map<string, StoredResult>();
    for (const { documents } of this.written.filter((change) => change.position <= applied.position)) {
      for (const document of documents) newest.set(document.businessKey, document);
    }
    return newest;
  }
}

/** What an answer's own applied position promises must be in its data. */
function broken(truth: Truth, { applied, data }: Answer<readonly (StoredResult | null)[]>): string[] {
  if (applied === null) return ['no applied position'];
  const found = new Map(data.flatMap((row) => (row === null ? [] : [[row.businessKey, row.position] as const])));
  return [...truth.at(applied).values()]
    .filter((promised) => (found.get(promised.businessKey) ?? -1n) < promised.position)
    .map((promised) => `${promised.businessKey} of ${promised.position} is missing at applied ${applied.position}`);
}

async function race(
  reader: ReadModel,
  other: ReadModel,
  truth: Truth,
  write: (round: number) => Promise<void>,
): Promise<void> {
  let writing = true;
  let reads = 0;
  const found: string[] = [];
  const read = async (ask: () => Promise<Answer<readonly (StoredResult | null)[]>>): Promise<void> => {
    while (writing && found.length === 0) {
      found.push(...broken(truth, await ask()));
      reads += 1;
    }
  };
  const keys = KEYS.map((businessKey) => key(businessKey));
  const writer = async (): Promise<void> => {
    try {
      for (let round = 0; round < ROUNDS && found.length === 0; round += 1) await write(round);
    } finally {
      writing = false;
    }
  };
  await Promise.all([
    writer(),
    read(() => reader.readMany(keys)),
    read(() => other.readMany(keys)),
    read(() => other.list(everything)),
  ]);
  expect(found).toEqual([]);
  expect(reads).toBeGreaterThan(ROUNDS / 10);
}

export function describeRaces(claim: Claim): void {
  claim('position-before-data', 'no reader ever sees an applied position without its data', async (subject) => {
    const { model } = subject;
    const history = new History();
    const truth = new Truth();
    await bindEmpty(model, history);
    await race(model, subject.another(), truth, async (round) => {
      const one = truth.add(history.commit({ businessKey: KEYS[round % 4] ?? 'a' }, { businessKey: 'shared' }));
      const two = truth.add(history.commit({ businessKey: KEYS[(round * 3) % 4] ?? 'a' }));
      await model.apply([one, two], history.now());
    });
  });

  claim(
    'swap-under-readers',
    'no reader ever sees the position of one copy with the data of another',
    async (subject) => {
      const { model } = subject;
      const history = new History();
      const truth = new Truth();
      await bindEmpty(model, history);
      await race(model, subject.another(), truth, async (round) => {
        const change = truth.add(history.commit(...KEYS.map((businessKey) => ({ businessKey }))));
        if (round % 15 !== 7) return model.apply([change], history.now());
        const rows = [...truth.at(history.now()).values()];
        await model.rebuild(copyOf(rows), history.now(), () => undefined);
      });
    },
  );
}
