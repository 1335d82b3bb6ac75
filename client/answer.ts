/** What a response says of itself: `extensions.consistency`, path by path. */
import type { Instant } from './clock.js';
import { readContract, weakestContract, type Contract, type Received } from './contract.js';
import { aged, type DecayRule } from './decay.js';
import { readToken } from './token.js';
import { CONFIDENCE_LEVELS, weakerLevel } from './words.js';

export interface GraphQLFailure {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

export interface GraphQLResponse {
  readonly data?: unknown;
  readonly errors?: readonly GraphQLFailure[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** A field whose requirement no store could meet. */
export interface Unmet {
  readonly path: string;
  /** LEVEL, SCOPE, STALENESS, POSITION: what the answer that was given lacks. */
  readonly lacks: readonly string[];
  /** When it could be met, by what the server knows; null: nobody knows, or not by waiting. */
  readonly retryAfterMs: number | null;
}

/** The contracts of one response. Paths are response keys and indexes, joined by dots: `orders.edges.0.node`. */
export class Contracts {
  /** null: none came. */
  readonly token: string | null;
  readonly incarnation: string | null;
  /** Were contracts or paths left out, for there were too many? */
  readonly truncated: boolean;
  readonly since: Instant;
  readonly unmet: readonly Unmet[];
  private readonly byPath: ReadonlyMap<string, Contract>;
  private readonly all: readonly Contract[];
  private readonly floor: Contract | null;

  /** @param since when the request was sent */
  constructor(extensions: GraphQLResponse['extensions'], since: Instant) {
    const said = record(extensions?.['consistency']);
    const groups = (Array.isArray(said['contracts']) ? said['contracts'] : []).map(record);
    const read = groups.map((group) => ({ contract: readContract(group), paths: strings(group['paths']) }));
    this.since = since;
    this.token = typeof said['token'] === 'string' ? said['token'] : null;
    this.incarnation = incarnationOf(this.token);
    this.truncated = said['truncated'] === true;
    this.all = read.flatMap(({ contract }) => (contract === null ? [] : [contract]));
    this.byPath = new Map(
      read.flatMap(({ contract, paths }) => (contract === null ? [] : paths.map((path) => [path, contract] as const))),
    );
    this.unmet = (Array.isArray(said['unmet']) ? said['unmet'] : []).map(record).map((each) => this.unmetOf(each));
    const level = CONFIDENCE_LEVELS.find((known) => known === said['weakest']);
    const seen = weakestContract(this.all);
    this.floor =
      level === undefined || seen === null
        ? null
        : { ...seen, confidenceLevel: weakerLevel(seen.confidenceLevel, level), ...(this.truncated && UNSEEN) };
  }

  /** The contract that holds for exactly this place: a row, a set, a statistic, a null. */
  at(path: string): Received | null {
    return this.received(this.byPath.get(path) ?? null);
  }

  /** The contract of a field of a result: its own, or that of the row it belongs to. Nothing further up speaks of it. */
  ofField(path: string): Received | null {
    const row = path.slice(0, Math.max(0, path.lastIndexOf('.')));
    const found = this.byPath.get(path) ?? this.byPath.get(row);
    // A contract that was left out is no stronger than the weakest of all.
    return this.received(found ?? (this.truncated ? this.floor : null));
  }

  /** What can be said of the whole response at once; null when it carries no contract. */
  weakest(now: Instant, rule: DecayRule): Contract | null {
    return this.floor === null ? null : aged({ contract: this.floor, since: this.since, incarnation: null }, now, rule);
  }

  /** Does some answer not reflect the token that was demanded? */
  get behindToken(): boolean {
    return this.unmet.some(({ lacks }) => lacks.includes('POSITION'));
  }

  /** Of what was offered, the store that answered; when it is not among them, all. */
  private unmetOf(said: Readonly<Record<string, unknown>>): Unmet {
    const path = typeof said['path'] === 'string' ? said['path'] : '';
    const offers = (Array.isArray(said['offered']) ? said['offered'] : []).map(record);
    const served = offers.filter(({ store }) => store === this.byPath.get(path)?.servedBy);
    const retry = said['retryAfterMs'];
    return {
      path,
      lacks: [...new Set((served.length > 0 ? served.slice(-1) : offers).flatMap(({ lacks }) => strings(lacks)))],
      retryAfterMs: typeof retry === 'number' ? retry : null,
    };
  }

  private received(contract: Contract | null): Received | null {
    return contract === null ? null : { contract, since: this.since, incarnation: this.incarnation };
  }
}

/** Of contracts that were left out only the level is known. */
const UNSEEN = { stale: true, stalenessMs: null, asOf: null, provenAt: null, servedBy: null } as const;

function incarnationOf(token: string | null): string | null {
  try {
    return token === null ? null : readToken(token).incarnation;
  } catch {
    return null;
  }
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [];
