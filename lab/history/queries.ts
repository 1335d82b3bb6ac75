/** What the readers ask, and what the answers claim. Pure. */
import type { Claim, Contract, Engine, Key, Level, RowClaim, Scope, StoreName, Value } from './types.js';

const CONTRACT = `confidenceLevel consistencyScope processingEngine lastCheckpointTime lastCdcSyncTime asOf sourceAsOf
  stalenessMs stale reasons { code } servedBy position provenAt`;
const WINDOW_FIELDS = [
  'symbol',
  'windowStart',
  'windowEnd',
  'ordersTotal',
  'ordersBuy',
  'ordersSell',
  'totalAmount',
  'averagePrice',
  'minPrice',
  'maxPrice',
];
const FRAGMENT = `fragment W on OrderWindow { businessKey engine ${WINDOW_FIELDS.map((f) => `${f} { value ...C }`).join(' ')} }
fragment C on ContractField { ${CONTRACT} }`;

/** A question: its text, and how to read an answer. */
export interface Question {
  readonly name: string;
  readonly query: string;
  readonly asked: Scope | null;
  readonly claims: (data: Data, extensions: Extensions | undefined) => Claim[];
}

/** A contract as the protocol shows it: of a leaf, of a set, or (without a position, reasons as codes) in the extension. */
interface Leaf {
  readonly confidenceLevel: Level;
  readonly consistencyScope: Scope;
  readonly servedBy: StoreName;
  readonly position?: string | null;
  readonly provenAt: string | null;
  readonly asOf: string | null;
  readonly sourceAsOf: string | null;
  readonly stalenessMs: number | null;
  readonly stale: boolean;
  readonly lastCheckpointTime: string | null;
  readonly lastCdcSyncTime: string | null;
  readonly reasons: readonly (string | { readonly code: string })[];
  readonly value?: unknown;
}

type Row = Readonly<Record<string, Leaf>>;
export type Data = Readonly<Record<string, unknown>>;
export interface Extensions {
  readonly consistency?: { readonly contracts: readonly (Leaf & { readonly paths: readonly string[] })[] };
}

interface Page {
  readonly edges: readonly { readonly node: Row & { readonly businessKey: string } }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly hasPreviousPage: boolean };
  readonly contract: Leaf;
}

interface StoreAnswer {
  readonly available: boolean;
  readonly value: Leaf | null;
}

const directive = (scope: Scope | null): string => (scope === null ? '' : `@consistency(scope: ${scope})`);
const text = JSON.stringify;
const number = (value: string | null | undefined): number | null => (value == null ? null : Number(value));

function contractOf(leaf: Leaf): Contract {
  return {
    level: leaf.confidenceLevel,
    scope: leaf.consistencyScope,
    servedBy: leaf.servedBy,
    position: number(leaf.position),
    provenAt: number(leaf.provenAt),
    asOf: leaf.asOf,
    sourceAsOf: leaf.sourceAsOf,
    stalenessMs: leaf.stalenessMs,
    stale: leaf.stale,
    lastCheckpointTime: leaf.lastCheckpointTime,
    lastCdcSyncTime: leaf.lastCdcSyncTime,
    // In fields a reason is an object, in the extension its code.
    reasons: leaf.reasons.map((r) => (typeof r === 'string' ? r : r.code)),
  };
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** One claim per distinct contract of a row: leaves that claim differently are not mixed up. */
function rowClaims(key: Key, row: Row): RowClaim[] {
  const groups = new Map<string, { contract: Contract; value: Record<string, unknown> }>();
  for (const field of WINDOW_FIELDS) {
    const leaf = row[field];
    if (leaf === undefined) continue;
    const contract = contractOf(leaf);
    const id = text(contract);
    const group = groups.get(id) ?? { contract, value: {} };
    group.value[snake(field)] = leaf.value;
    groups.set(id, group);
  }
  return [...groups.values()].map((group) => ({ subject: 'row', ...key, ...group }));
}

/** The contract of a null stands in the extension, by its path. */
function absence(key: Key, path: string, extensions: Extensions | undefined): RowClaim[] {
  const found = extensions?.consistency?.contracts.find(({ paths }) => paths.includes(path));
  return found === undefined ? [] : [{ subject: 'row', ...key, value: null, contract: contractOf(found) }];
}

/** Windows by their keys, all in one request. */
export function windows(keys: readonly Key[], scope: Scope | null): Question {
  const field = ({ businessKey, engine }: Key, i: number): string => {
    const [symbol, at] = businessKey.split('@');
    return `w${i}: orderWindow(symbol: ${text(symbol)}, at: ${text(at)}, engine: ${engine}) { ...W }`;
  };
  return {
    name: 'orderWindow',
    asked: scope,
    query: `query ${directive(scope)} { ${keys.map(field).join(' ')} } ${FRAGMENT}`,
    claims: (data, extensions) =>
      keys.flatMap((key, i) => {
        const row = data[`w${i}`] as Row | null;
        return row === null ? absence(key, `w${i}`, extensions) : rowClaims(key, row);
      }),
  };
}

/** A page of windows: a set and its rows. `symbol` null: the newest of all, of which a page is never the whole. */
export function windowsOf(symbol: string | null, engine: Engine, scope: Scope | null, size = 60): Question {
  const page = `edges { node { ...W } } pageInfo { hasNextPage hasPreviousPage } contract { ${CONTRACT} }`;
  const which = symbol === null ? `last: ${size}` : `symbol: ${text(symbol)}, first: ${size}`;
  return {
    name: 'orderWindows',
    asked: scope,
    query: `query ${directive(scope)} { l: orderWindows(${which}, engine: ${engine}) { ${page} } } ${FRAGMENT}`,
    claims: (data) => {
      const list = data['l'] as Page;
      const nodes = list.edges.map(({ node }) => node);
      const keys = nodes.map(({ businessKey }): Key => ({ kind: 'order_window', engine, businessKey }));
      return [
        {
          subject: 'set',
          kind: 'order_window',
          engine,
          where: symbol === null ? {} : { symbol },
          complete: !list.pageInfo.hasNextPage && !list.pageInfo.hasPreviousPage,
          members: keys.map(({ businessKey }) => businessKey),
          contract: contractOf(list.contract),
        },
        ...nodes.flatMap((node, i) => (keys[i] === undefined ? [] : rowClaims(keys[i], node))),
      ];
    },
  };
}

/** Results of any kind, as every store itself holds them. */
export function everywhere(keys: readonly Key[]): Question {
  const field = ({ kind, businessKey, engine }: Key, i: number): string =>
    `k${i}: compareStores(kind: ${text(kind)}, businessKey: ${text(businessKey)}, engine: ${engine}) { available present value { value ${CONTRACT} } }`;
  return {
    name: 'compareStores',
    asked: null,
    query: `{ ${keys.map(field).join(' ')} }`,
    claims: (data, extensions) =>
      keys.flatMap((key, i) =>
        (data[`k${i}`] as readonly StoreAnswer[]).flatMap((answer, j): RowClaim[] => {
          if (!answer.available) return [];
          if (answer.value === null) return absence(key, `k${i}.${j}.value`, extensions);
          return [{ subject: 'row', ...key, value: answer.value.value as Value, contract: contractOf(answer.value) }];
        }),
      ),
  };
}
