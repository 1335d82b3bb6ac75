import { AcceptedSources } from './accepted.js';

/** A world whose numbers are set by hand; `sources()` keeps it awake. */
function world() {
  const at = { committed: 0, written: 0, taken: 0, ms: 0 };
  const accepted = new AcceptedSources({
    committed: async () => new Map([[0, at.committed === 0 ? null : BigInt(at.committed)]]),
    written: async () => new Map([[0, BigInt(at.written)]]),
    taken: async () => new Map([[0, BigInt(at.taken)]]),
    monotonicMs: () => at.ms,
  });
  const look = async (): Promise<number> => {
    accepted.sources();
    await accepted.round();
    return Number(accepted.sources().get(0) ?? 0n);
  };
  return { at, look, accepted };
}

test('an offset is accepted when it is committed, then a second has passed, and what is written by then has been taken in', async () => {
  const { at, look } = world();
  Object.assign(at, { committed: 5, written: 10, taken: 10 });
  expect(await look()).toBe(0);
  at.ms = 999;
  expect(await look()).toBe(0);
  // A window has emitted meanwhile: that has to be taken in as well.
  Object.assign(at, { ms: 1_000, written: 11 });
  expect(await look()).toBe(0);
  expect(await look()).toBe(0);
  Object.assign(at, { taken: 11, committed: 7, written: 20 });
  // Of what was committed since it says nothing.
  expect(await look()).toBe(5);
});

test('it never goes back, and a group that has committed nothing says nothing', async () => {
  const { at, look } = world();
  Object.assign(at, { written: 1, taken: 100 });
  const later = async (): Promise<number> => {
    for (let n = 0; n < 4; n++) {
      at.ms += 1_000;
      await look();
    }
    return look();
  };
  expect(await later()).toBe(0);
  at.committed = 9;
  expect(await later()).toBe(9);
  // Restored from an older checkpoint: what was accepted stays accepted.
  at.committed = 4;
  expect(await later()).toBe(9);
});

test('nobody asks: nobody looks, and what was under way is forgotten', async () => {
  const { at, accepted } = world();
  let asked = 0;
  const idle = new AcceptedSources({
    committed: async () => (asked++, new Map()),
    written: async () => (asked++, new Map()),
    taken: async () => (asked++, new Map()),
    monotonicMs: () => at.ms,
  });
  await idle.round();
  expect(asked).toBe(0);
  expect(accepted.sources().size).toBe(0);
  idle.sources();
  await idle.round();
  expect(asked).toBe(1);
  at.ms = 20_000;
  await idle.round();
  expect(asked).toBe(1);
});
