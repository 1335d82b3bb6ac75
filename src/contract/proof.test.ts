import fc from 'fast-check';
import { Highest } from '../position/highest.js';
import { position } from '../position/position.js';
import { InFlight, type SeenEntry } from './in-flight.js';
import { createProofSource, type ClockRead, type ProofOptions } from './proof.js';

const key = (businessKey: string): SeenEntry['keys'][number] => ({
  kind: 'k',
  businessKey,
  engine: 'KAFKA_ONLY',
  cap: 'HIGH',
  reasons: [],
});
const entry = (at: number, keys: string[] = [], over: Partial<SeenEntry> = {}): SeenEntry => ({
  position: position(at),
  nonce: `n${at}`,
  predecessor: `n${at - 1}`,
  committedAt: 0 as SeenEntry['committedAt'],
  keys: keys.map(key),
  ...over,
});
const clock = (at: number): { position: ReturnType<typeof position>; nonce: string } => ({
  position: position(at),
  nonce: `n${at}`,
});
const fresh = (positions = 1_000, keys = 1_000): InFlight => new InFlight({ positions, keys });

describe('the in-flight set', () => {
  test('remembers the last change of each key, and what it never saw is below its floor', () => {
    const set = fresh();
    set.take([entry(5, ['a']), entry(6, ['b']), entry(7, ['a'])], clock(7));
    expect([
      set.floor,
      set.pending(key('a'))?.position,
      set.pending(key('b'))?.position,
      set.pending(key('c')),
    ]).toEqual([4n, 7n, 6n, null]);
    expect(set.pendingOfKind('k', 'KAFKA_ONLY')?.position).toBe(7n);
    expect([4, 5, 6, 7].map((at) => set.changesAfter(position(at)))).toEqual([3, 2, 1, 0]);
    expect(set.changesAfter(position(3))).toBeNull();
  });

  test.each<[string, SeenEntry[], number]>([
    ['a hole', [entry(9, ['z'])], 9],
    ['another nonce', [entry(8, ['z'], { predecessor: 'other' })], 8],
    ['entries that were pruned', [], 9],
    ['a clock that was rewound', [], 6],
  ])('forgets everything at %s', (_, entries, at) => {
    const set = fresh();
    set.take([entry(7, ['a'])], clock(7));
    set.take(entries, clock(at));
    expect(set.pending(key('a'))).toBeNull();
    expect(set.floor).toBe(BigInt(entries[0] === undefined ? at : Number(entries[0].position) - 1));
  });

  test('what falls out of the horizon raises the floor, by positions and by keys', () => {
    const byPositions = fresh(3);
    byPositions.take([entry(1, ['a']), entry(2, ['b']), entry(3), entry(4), entry(5)], clock(5));
    expect([byPositions.floor, byPositions.pending(key('a')), byPositions.pending(key('b'))]).toEqual([2n, null, null]);
    const byKeys = fresh(1_000, 2);
    byKeys.take([entry(1, ['a']), entry(2, ['b']), entry(3, ['c'])], clock(3));
    expect([byKeys.floor, byKeys.pending(key('a')), byKeys.pending(key('b'))?.position]).toEqual([1n, null, 2n]);
  });

  test('never calls a key current in a store that lacks its last change', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 2 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 3 }),
        (log, positions, keys) => {
          const set = fresh(positions, keys);
          log.forEach((changed, index) =>
            set.take([entry(index + 1, [...new Set<string>(changed)])], clock(index + 1)),
          );
          for (let applied = 0; applied <= log.length; applied += 1) {
            for (const name of ['a', 'b', 'c']) {
              const last = log.findLastIndex((changed) => (changed as string[]).includes(name)) + 1;
              const pending = set.pending(key(name));
              const current = BigInt(applied) >= set.floor && (pending === null || pending.position <= BigInt(applied));
              if (current) expect(last).toBeLessThanOrEqual(applied);
            }
          }
        },
      ),
    );
  });
});

describe('the shared clock read', () => {
  interface Call {
    readonly answer: (read?: Partial<ClockRead>) => void;
    readonly fail: (error: Error) => void;
  }
  function source(over: Partial<ProofOptions> = {}): {
    calls: Call[];
    proofs: ReturnType<typeof createProofSource>;
    clock: { ms: number };
  } {
    const calls: Call[] = [];
    const time = { ms: 0 };
    const proofs = createProofSource({
      read: () =>
        new Promise((resolve, reject) => {
          calls.push({
            answer: (read = {}) =>
              resolve({
                position: '1',
                nonce: 'n1',
                incarnation: 'i',
                committedAtUs: '1000',
                nowUs: '2000',
                expiredTo: null,
                expiredKinds: [],
                entries: [],
                facts: [],
                lettersAt: null,
                letters: [],
                divergences: [],
                ...read,
              }),
            fail: reject,
          });
        }),
      monotonicMs: () => time.ms,
      horizon: { positions: 100, keys: 100 },
      timeoutMs: 5_000,
      highest: new Highest(),
      onRewound: () => undefined,
      ...over,
    });
    return { calls, proofs, clock: time };
  }
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  test('one in flight; who comes meanwhile shares the next, which is sent after they came', async () => {
    const { calls, proofs } = source();
    const first = proofs.prove();
    const [second, third] = [proofs.prove(), proofs.prove()];
    await turn();
    expect(calls).toHaveLength(1);
    calls[0]?.answer({ position: '1' });
    expect((await first).position).toBe(1n);
    await turn();
    expect(calls).toHaveLength(2);
    const late = proofs.prove();
    calls[1]?.answer({ position: '2', nonce: 'n2' });
    expect([(await second).position, (await third).position]).toEqual([2n, 2n]);
    await turn();
    expect(calls).toHaveLength(3);
    calls[2]?.answer({ position: '3', nonce: 'n3' });
    expect((await late).position).toBe(3n);
  });

  test('a failed read fails its own callers, and the next goes on', async () => {
    const { calls, proofs } = source();
    const first = proofs.prove();
    const second = proofs.prove();
    const failed = expect(first).rejects.toThrow('cut');
    calls[0]?.fail(new Error('cut'));
    await failed;
    await turn();
    calls[1]?.answer();
    expect((await second).position).toBe(1n);
  });

  test('a caller waits no longer than its limit, whatever the read does', async () => {
    const { proofs } = source({ timeoutMs: 20 });
    await expect(proofs.prove()).rejects.toMatchObject({ code: 'PROOF_UNAVAILABLE', retryable: true });
  });

  test("Postgres' time is counted from before the read was sent: an upper bound", async () => {
    const { calls, proofs, clock: time } = source();
    expect(proofs.now()).toBeNull();
    time.ms = 10;
    const proof = proofs.prove();
    time.ms = 14;
    calls[0]?.answer({ nowUs: '2000' });
    await proof;
    expect(proofs.now()).toBe(2_000 + 4_000);
    time.ms = 20;
    expect(proofs.now()).toBe(2_000 + 10_000);
  });

  test('a clock that stands before its own last commit has stepped back: no time is claimed', async () => {
    const { calls, proofs } = source();
    const proof = proofs.prove();
    calls[0]?.answer({ committedAtUs: '5000', nowUs: '4999' });
    await proof;
    expect(proofs.now()).toBeNull();
  });

  test.each<[string, Partial<ClockRead>]>([
    ['stands behind what was seen', { position: '6', nonce: 'n6' }],
    ['stands there with another nonce', { position: '7', nonce: 'm7' }],
    ['has grown again on another branch', { position: '8', nonce: 'm8', entries: [[8, 'm8', 'm7', 1, []]] }],
  ])('a clock that %s proves nothing, and asks for a new incarnation', async (_, read) => {
    let asked = 0;
    const { calls, proofs } = source({ onRewound: () => (asked += 1) });
    const first = proofs.prove();
    calls[0]?.answer({ position: '7', nonce: 'n7' });
    await first;
    const second = expect(proofs.prove()).rejects.toMatchObject({ code: 'PROOF_UNAVAILABLE' });
    calls[1]?.answer(read);
    await second;
    expect(asked).toBe(1);
    const third = proofs.prove();
    calls[2]?.answer({ position: '7', nonce: 'x', incarnation: 'j' });
    expect((await third).incarnation).toBe('j');
  });

  test('another incarnation forgets what was known of the old one', async () => {
    const { calls, proofs } = source();
    const keys = [['k', 'a', 'KAFKA_ONLY', 'HIGH', []]] as const;
    const first = proofs.prove();
    calls[0]?.answer({ position: '7', nonce: 'n7', entries: [[7, 'n7', 'n6', 1, keys as never]] });
    expect((await first).pending(key('a'))?.position).toBe(7n);
    const second = proofs.prove();
    calls[1]?.answer({ position: '7', nonce: 'm7', incarnation: 'j' });
    const proof = await second;
    expect([proof.incarnation, proof.pending(key('a')), proof.floor]).toEqual(['j', null, 7n]);
  });
});
