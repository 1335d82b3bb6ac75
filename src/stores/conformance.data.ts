/** Histories for the conformance suite: changes that follow one another as the commit log has them. */
import type { ResultKey } from '../position/commit-log.js';
import { micros, position, type Position } from '../position/position.js';
import type { Applied, Change, StoredResult } from './port.js';

export const key = (businessKey: string, kind = 'order_window'): ResultKey => ({
  kind,
  businessKey,
  engine: 'KAFKA_ONLY',
});

/** What a test says of a document; the rest is filled in. */
export type Written = Partial<Omit<StoredResult, 'position' | 'committedAt'>> & { readonly businessKey: string };

const INSTANT = 1_767_603_600_000_000;

export const committedAt = (p: Position): StoredResult['committedAt'] =>
  micros(INSTANT + Number(p % 1_000_000n) * 1_000);

export const result = (p: Position, written: Written): StoredResult => ({
  kind: 'order_window',
  engine: 'KAFKA_ONLY',
  calculatedValue: {
    symbol: 'G000',
    window_start: '2026-01-05T09:00:00.000Z',
    total_amount: '84850000',
    written_at: String(p),
  },
  deleted: false,
  final: false,
  stale: false,
  cap: 'EVENTUALLY_CONSISTENT',
  reasons: ['NO_CHECKPOINT'],
  pipeline: 'orders-kafka-only',
  resultPartition: 3,
  run: 'run-1',
  revision: Number(p % 1_000n),
  coverage: { '0': [1200, 1240] },
  lastCheckpointTime: null,
  epoch: null,
  resultOffset: Number(p % 1_000n),
  verified: false,
  ...written,
  position: p,
  committedAt: committedAt(p),
});

/** One incarnation of the commit clock. */
export class History {
  private reached: Position;

  constructor(
    readonly incarnation = 'incarnation-1',
    start: bigint | number = 0,
  ) {
    this.reached = position(start);
  }

  /** Accepts a transaction that writes these documents. */
  commit(...documents: readonly Written[]): Change {
    const predecessor = this.nonce();
    this.reached = position(this.reached + 1n);
    return {
      position: this.reached,
      nonce: this.nonce(),
      predecessor,
      incarnation: this.incarnation,
      committedAt: committedAt(this.reached),
      documents: documents.map((written) => result(this.reached, written)),
    };
  }

  /** The applied position of a store that has everything up to now. */
  now(): Applied {
    return {
      position: this.reached,
      nonce: this.nonce(),
      incarnation: this.incarnation,
      committedAt: committedAt(this.reached),
      resumeOffset: this.reached * 10n,
    };
  }

  private nonce(): string {
    return `${this.incarnation}/${this.reached}`;
  }
}

export const appliedOf = ({ position: p, nonce, incarnation, committedAt: at }: Change): Applied => ({
  position: p,
  nonce,
  incarnation,
  committedAt: at,
  resumeOffset: p * 10n,
});

/** A copy of the truth, in batches. */
export async function* copyOf(
  ...batches: readonly (readonly StoredResult[])[]
): AsyncGenerator<readonly StoredResult[]> {
  yield* batches;
}
