/**
 * What every read model must do, as tests: each store runs this suite against its real server, the fake runs it too.
 * A store that can't keep a claim names it in `exceptions` with the reason, and its README says the same.
 */
import { describeAudit } from './conformance.audit.js';
import { describeExactness } from './conformance.exact.js';
import { describeExpiry } from './conformance.expiry.js';
import { describeListing } from './conformance.lists.js';
import { describeRaces } from './conformance.races.js';
import { describeRebuilds } from './conformance.rebuilds.js';
import { describeWrites } from './conformance.writes.js';
import type { ResultKey } from '../position/commit-log.js';
import type { ReadModel, StoredResult } from './port.js';

/** A new, empty store, with the faults that the suite needs. */
export interface ConformanceSubject {
  readonly model: ReadModel;
  /** Another server's model of the same store. The subject's `close` closes it. */
  another(): ReadModel;
  /** Until healed the store takes data, and refuses the write of the applied position. */
  breakApplied(): Promise<void>;
  healApplied(): Promise<void>;
  /** The data is dropped and made anew, empty, by somebody else; the applied position stays. */
  wipe(): Promise<void>;
  /** Somebody else's drop: the data is gone, and nothing has its name. */
  drop(): Promise<void>;
  /** A stranger puts this document there, whatever its position, in the place of what was there. Everybody sees it. */
  plant(document: StoredResult): Promise<void>;
  /** A stranger removes the document of the key, physically. */
  remove(key: ResultKey): Promise<void>;
  /** A stranger makes of the document of the key what can't be read as one. */
  garble(key: ResultKey): Promise<void>;
  /** `base`, altered so that this store can't hold it. */
  unacceptable(base: StoredResult): StoredResult;
  close(): Promise<void>;
}

export type ConformanceFactory = () => Promise<ConformanceSubject>;

export const CLAIMS = [
  'unbound',
  'redelivery',
  'stale-write',
  'delete',
  'same-key-twice',
  'lost-acknowledgement',
  'rejected',
  'zombie',
  'prefix',
  'foreign-incarnation',
  'wiped',
  'dropped',
  'rebuild-beside',
  'rebuild-failed',
  'rebuild-conflict',
  'rebuild-backwards',
  'position-before-data',
  'swap-under-readers',
  'lists',
  'pages',
  'exact',
  'absent',
  'expired',
  'purge',
  'purge-under-writers',
  'scan',
  'repair',
  'repair-newer',
  'repair-ahead',
  'repair-unreadable',
  'repair-foreign',
] as const;
export type ClaimId = (typeof CLAIMS)[number];
export type Exceptions = Readonly<Partial<Record<ClaimId, string>>>;

/** Runs a claim on a subject of its own. */
export type Claim = (id: ClaimId, title: string, body: (subject: ConformanceSubject) => Promise<void>) => void;

const LIMIT_MS = 60_000;

export const claims =
  (factory: ConformanceFactory, exceptions: Exceptions): Claim =>
  (id, title, body) => {
    const reason = exceptions[id];
    if (reason !== undefined) {
      test.skip(`${title} (excepted: ${reason})`, () => undefined);
      return;
    }
    test(
      title,
      async () => {
        const subject = await factory();
        try {
          await body(subject);
        } finally {
          await subject.close();
        }
      },
      LIMIT_MS,
    );
  };

export function describeReadModel(name: string, factory: ConformanceFactory, exceptions: Exceptions = {}): void {
  const claim = claims(factory, exceptions);
  describe(`${name} as a read model`, () => {
    describeWrites(claim);
    describeRebuilds(claim);
    describeRaces(claim);
    describeExactness(claim);
    describeListing(claim);
    describeExpiry(claim);
    describeAudit(claim);
  });
}

/** The result of one key, with the applied position it was read at. */
export async function readOne(model: ReadModel, key: ResultKey): Promise<StoredResult | null> {
  return (await model.readMany([key])).data[0] ?? null;
}

/** The code and retryability of an AppError that `work` must fail with. */
export const code = (expected: string, retryable: boolean): unknown =>
  expect.objectContaining({ code: expected, retryable });
