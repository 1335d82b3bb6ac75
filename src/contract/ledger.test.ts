import { decodeToken } from '../position/token.js';
import { position } from '../position/position.js';
import type { Contract } from './assess.js';
import { SharedContract } from './field.js';
import { Ledger } from './ledger.js';

const clock = { now: () => null, monotonicMs: () => 0 };
const contract = (over: Partial<Contract> = {}): SharedContract =>
  new SharedContract(
    {
      confidenceLevel: 'HIGH',
      consistencyScope: 'EVENTUAL',
      processingEngine: 'FLINK',
      lastCheckpointTime: null,
      lastCdcSync: null,
      asOf: null,
      sourceAsOf: null,
      stale: false,
      reasons: [],
      servedBy: 'MONGODB',
      position: position(5),
      provenAt: position(9),
      reflects: { incarnation: 'inc', position: position(9) },
      currentAt: null,
      potential: 'HIGH',
      ...over,
    },
    clock,
    null,
  );
const shown = (ledger: Ledger) =>
  ledger.extension('inc') as unknown as {
    contracts: { confidenceLevel: string; paths: string[] }[];
    weakest: string;
    token: string;
    truncated: boolean;
  };

test('equal contracts share a record, whatever the positions of their rows', () => {
  const ledger = new Ledger();
  ledger.add('a.0', contract({ position: position(1) }));
  ledger.add('a.1', contract({ position: position(2) }));
  ledger.add('a', contract({ confidenceLevel: 'LOW', reasons: ['PIPELINE_STOPPED'] }));
  expect(shown(ledger).contracts.map(({ confidenceLevel, paths }) => [confidenceLevel, paths])).toEqual([
    ['HIGH', ['a.0', 'a.1']],
    ['LOW', ['a']],
  ]);
});

test('the weakest and the token speak of everything, also of what was left out', () => {
  const ledger = new Ledger({ contracts: 1, paths: 2 });
  ledger.add('a', contract());
  ledger.add('b', contract({ stale: true }));
  ledger.add('c', contract({ confidenceLevel: 'LOW', position: position(12), reflects: null }));
  const extension = shown(ledger);
  expect(extension).toMatchObject({ contracts: [{ paths: ['a'] }], weakest: 'LOW', truncated: true });
  expect(decodeToken(extension.token)).toEqual({ incarnation: 'inc', position: position(12) });
  expect([...ledger.served()].map(({ count }) => count)).toEqual([1, 1, 1]);
});

test('a response without contracts has no extension, and one without a single history no token', () => {
  const ledger = new Ledger();
  expect(ledger.extension('inc')).toBeNull();
  ledger.add('a', contract());
  expect(ledger.extension(null)).toMatchObject({ token: null, truncated: false });
});
