/** Contracts, tokens and a server for the client's tests. */
import fc from 'fast-check';
import type { Contract, Instant, Requirement, Send } from '../index.js';
import { CONFIDENCE_LEVELS, CONSISTENCY_SCOPES, readToken } from '../index.js';
import { crc32 } from '../token.js';

export const HIGH: Contract = {
  confidenceLevel: 'HIGH',
  consistencyScope: 'EVENTUAL',
  processingEngine: 'FLINK',
  servedBy: 'MONGODB',
  stale: false,
  reasons: [],
  asOf: '2026-01-05T09:00:00.000Z',
  stalenessMs: 100,
  sourceAsOf: null,
  lastCheckpointTime: null,
  lastCdcSyncTime: null,
  provenAt: '7',
};

export const contractOf = (change: Partial<Contract>): Contract => ({ ...HIGH, ...change });

export const at = (ms: number): Instant => ({ monotonicMs: ms, wallMs: 1_000_000 + ms });

export function tokenOf(position: number, incarnation = 'inc-1'): string {
  const signed = `2.${incarnation}.${position}`;
  return btoa(`${signed}.${crc32(signed)}`)
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}

export const REASON_CODES = ['NO_CHECKPOINT', 'STORE_BEHIND', 'EPOCH_OPEN', 'PROOF_UNAVAILABLE', 'LATE_UPDATE'];

export const anyContract: fc.Arbitrary<Contract> = fc
  .record({
    confidenceLevel: fc.constantFrom(...CONFIDENCE_LEVELS),
    consistencyScope: fc.constantFrom(...CONSISTENCY_SCOPES),
    stale: fc.boolean(),
    reasons: fc.uniqueArray(fc.constantFrom(...REASON_CODES), { maxLength: 3 }),
    stalenessMs: fc.option(fc.nat(100_000)),
    provenAt: fc.option(fc.nat(1000).map(String)),
  })
  .map(contractOf);

export const extensionsOf = (contract: Partial<Contract>, path: string, token: string | null): object => ({
  consistency: {
    contracts: [{ ...contractOf(contract), paths: [path] }],
    weakest: contractOf(contract).confidenceLevel,
    token,
    truncated: false,
  },
});

/**
 * A server with Postgres and a read model that can be held up. It does what a real one does with a demand: STRONG reads
 * Postgres, `atLeast` is never broken. Counts what it is asked.
 */
export class Model {
  position = 1;
  applied = 1;
  paused = false;
  down = false;
  incarnation = 'inc-1';
  nowMs = 0;
  private pausedAtMs = 0;
  readonly asked: Requirement[] = [];
  /** What each answer showed, in order. */
  readonly served: { readonly store: string; readonly position: number }[] = [];

  readonly clock = (): Instant => at(this.nowMs);

  write(): string {
    this.position += 1;
    if (!this.paused) this.applied = this.position;
    return tokenOf(this.position, this.incarnation);
  }

  pause(): void {
    this.paused = true;
    this.pausedAtMs = this.nowMs;
  }

  resume(): void {
    this.paused = false;
    this.applied = this.position;
  }

  readonly send: Send = async (requirement) => {
    this.asked.push(requirement);
    if (this.down) throw new Error('connection refused');
    const wanted = this.wanted(requirement);
    if (wanted === null) return { errors: [{ message: 'foreign', extensions: { code: 'TOKEN_FOREIGN' } }] };
    const strong = requirement.scope === 'STRONG' || this.applied < wanted;
    const shown = strong ? this.position : this.applied;
    const behind = !strong && this.applied < this.position;
    this.served.push({ store: strong ? 'POSTGRES' : 'MONGODB', position: shown });
    const contract: Partial<Contract> = {
      servedBy: strong ? 'POSTGRES' : 'MONGODB',
      consistencyScope: strong ? 'STRONG' : 'EVENTUAL',
      ...(behind && {
        confidenceLevel: 'EVENTUALLY_CONSISTENT',
        reasons: ['STORE_BEHIND'],
        stalenessMs: 100 + this.nowMs - this.pausedAtMs,
        provenAt: null,
      }),
    };
    return {
      data: { value: shown },
      extensions: { ...extensionsOf(contract, 'value', tokenOf(shown, this.incarnation)) },
    };
  };

  /** The position that `atLeast` names; null when it is of another history. */
  private wanted({ atLeast }: Requirement): number | null {
    if (atLeast === undefined) return 0;
    const { incarnation, position } = readToken(atLeast);
    return incarnation === this.incarnation ? Number(position) : null;
  }
}
