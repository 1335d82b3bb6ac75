/** What the readers ask, and what the answers claim. Pure. */
import type {
  Claim,
  Contract,
  Engine,
  Key,
  Level,
  Needs,
  RowClaim,
  Scope,
  SetClaim,
  StoreName,
  Value,
} from './types.js';

const CONTRACT = `confidenceLevel consistencyScope processingEngine lastCheckpointTime lastCdcSyncTime asOf sourceAsOf
  stalenessMs stale reasons { code } servedBy position provenAt`;

/** How a kind is asked for by its own type; any kind at all can be asked for by `result` and `compareStores`. */
interface KindQueries {
  readonly type: string;
  readonly one: string;
  readonly many: string;
  readonly fields: readonly string[];
  /** The arguments that name one result. */
  readonly named: (businessKey: string) => string;
}

const text = JSON.stringify;
const split = (key: string, at: string): [string, string] => {
  const i = key.indexOf(at);
  return [key.slice(0, i), key.slice(i + 1)];
};

const KINDS: Readonly<Record<string, KindQueries>> = {
  order_window: {
    type: 'OrderWindow',
    one: 'orderWindow',
    many: 'orderWindows',
    fields:
      `symbol windowStart windowEnd ordersTotal ordersBuy ordersSell totalAmount averagePrice minPrice maxPrice`.split(
        ' ',
      ),
    named: (key) => {
      const [symbol, at] = split(key, '@');
      return `symbol: ${text(symbol)}, at: ${text(at)}`;
    },
  },
  order: {
    type: 'Order',
    one: 'order',
    many: 'orders',
    fields: 'orderId symbol side quantity price status eventTime version deletedAt'.split(' '),
    named: (key) => `orderId: ${text(key)}`,
  },
  anomaly: {
    type: 'Anomaly',
    one: 'anomaly',
    many: 'anomalies',
    fields: 'rule orderId symbol observed threshold detectedAt'.split(' '),
    named: (key) => {
      const [rule, orderId] = split(key, ':');
      return `rule: ${text(rule)}, orderId: ${text(orderId)}`;
    },
  },
};

/** Kinds that have queries of their own. */
export const TYPED_KINDS: readonly string[] = Object.keys(KINDS);
export const SEARCHED_KINDS: readonly string[] = ['order', 'anomaly'];

const kindOf = (kind: string): KindQueries => {
  const known = KINDS[kind];
  if (known === undefined) throw new Error(`no queries for the kind ${kind}`);
  return known;
};
const CONTRACT_FRAGMENT = `fragment C on ContractField { ${CONTRACT} }`;
const rowFragment = (kind: string, only?: readonly string[]): string => {
  const { type, fields: all } = kindOf(kind);
  const fields = only ?? all;
  return `fragment R on ${type} { businessKey engine ${fields.map((f) => `${f} { value ...C }`).join(' ')} }`;
};
const fragments = (kind: string, only?: readonly string[]): string => `${rowFragment(kind, only)} ${CONTRACT_FRAGMENT}`;

/** What a client demands of an answer. */
export interface Demand {
  readonly scope: Scope | null;
  /** A token of an earlier answer; null: none is sent. */
  readonly token: string | null;
  /** Left out: nothing else. */
  readonly needs?: Needs;
}

/** A question: its text, and how to read an answer. */
export interface Question {
  readonly name: string;
  readonly query: string;
  readonly demand: Demand;
  /** What a client demands changes nothing: it shows what there is, store by store. */
  readonly asIs?: true;
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
  readonly consistency?: {
    readonly contracts: readonly (Leaf & { readonly paths: readonly string[] })[];
    readonly token?: string | null;
    readonly unmet?: readonly unknown[];
  };
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

const NOTHING: Demand = { scope: null, token: null };

function directive({ scope, token, needs }: Demand): string {
  const demands = [
    ...(scope === null ? [] : [`scope: ${scope}`]),
    ...(token === null ? [] : [`atLeast: ${text(token)}`]),
    ...(needs?.minConfidence === undefined ? [] : [`minConfidence: ${needs.minConfidence}`]),
    ...(needs?.maxStalenessMs === undefined ? [] : [`maxStalenessMs: ${needs.maxStalenessMs}`]),
    ...(needs === undefined ? [] : [`onUnmet: ${needs.onUnmet}`]),
  ];
  return demands.length === 0 ? '' : `@consistency(${demands.join(', ')})`;
}
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
  for (const field of kindOf(key.kind).fields) {
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

/** The contract of something without a contract field of its own (a null, a plain list) stands in the extension, by its path. */
const inExtension = (path: string, extensions: Extensions | undefined): Contract | null => {
  const found = extensions?.consistency?.contracts.find(({ paths }) => paths.includes(path));
  return found === undefined ? null : contractOf(found);
};

function absence(key: Key, path: string, extensions: Extensions | undefined): RowClaim[] {
  const contract = inExtension(path, extensions);
  return contract === null ? [] : [{ subject: 'row', ...key, value: null, contract }];
}

/** Results of one kind by their keys, all in one request, by the kind's own type. */
export function byKey(kind: string, keys: readonly Key[], demand: Demand = NOTHING): Question {
  const { one, named } = kindOf(kind);
  const fields = keys.map(
    ({ businessKey, engine }, i) => `r${i}: ${one}(${named(businessKey)}, engine: ${engine}) { ...R }`,
  );
  return {
    name: one,
    demand,
    query: `query ${directive(demand)} { ${fields.join(' ')} } ${fragments(kind)}`,
    claims: (data, extensions) =>
      keys.flatMap((key, i) => {
        const row = data[`r${i}`] as Row | null;
        return row === null ? absence(key, `r${i}`, extensions) : rowClaims(key, row);
      }),
  };
}

/** Results of any kind by their keys, as JSON. */
export function anyByKey(keys: readonly Key[], demand: Demand = NOTHING): Question {
  const field = ({ kind, businessKey, engine }: Key, i: number): string =>
    `g${i}: result(kind: ${text(kind)}, businessKey: ${text(businessKey)}, engine: ${engine}) { value { value ...C } }`;
  return {
    name: 'result',
    demand,
    query: `query ${directive(demand)} { ${keys.map(field).join(' ')} } ${CONTRACT_FRAGMENT}`,
    claims: (data, extensions) =>
      keys.flatMap((key, i): RowClaim[] => {
        const found = data[`g${i}`] as { readonly value: Leaf } | null;
        if (found === null) return absence(key, `g${i}`, extensions);
        return [{ subject: 'row', ...key, value: found.value.value as Value, contract: contractOf(found.value) }];
      }),
  };
}

const PAGE = `edges { node { ...R } } pageInfo { hasNextPage hasPreviousPage } contract { ${CONTRACT} }`;

function pageClaims(page: Page | null, what: Pick<SetClaim, 'kind' | 'engine' | 'where'>): Claim[] {
  // Nobody could answer: then nothing was claimed.
  if (page === null) return [];
  const rows = page.edges.map(({ node }) => ({ node, key: { ...keyIn(what), businessKey: node.businessKey } }));
  return [
    {
      subject: 'set',
      ...what,
      complete: !page.pageInfo.hasNextPage && !page.pageInfo.hasPreviousPage,
      members: rows.map(({ key }) => key.businessKey),
      contract: contractOf(page.contract),
    },
    ...rows.flatMap(({ node, key }) => rowClaims(key, node)),
  ];
}

const keyIn = ({ kind, engine }: Pick<Key, 'kind' | 'engine'>): Pick<Key, 'kind' | 'engine'> => ({ kind, engine });

/** A page of a kind: a set and its rows. `symbol` null: the newest of all, of which a page is never the whole. */
export function listOf(
  kind: string,
  symbol: string | null,
  engine: Engine,
  demand: Demand = NOTHING,
  size = 60,
): Question {
  const { many } = kindOf(kind);
  const which = symbol === null ? `last: ${size}` : `symbol: ${text(symbol)}, first: ${size}`;
  return {
    name: many,
    demand,
    query: `query ${directive(demand)} { l: ${many}(${which}, engine: ${engine}) { ${PAGE} } } ${fragments(kind)}`,
    claims: (data) => pageClaims(data['l'] as Page | null, { kind, engine, where: symbol === null ? {} : { symbol } }),
  };
}

/** Whatever of a kind holds a symbol as a word: from Elasticsearch, by a search. */
export function searchOf(kind: string, symbol: string, engine: Engine, demand: Demand = NOTHING, size = 40): Question {
  const which = `text: ${text(symbol)}, kind: ${text(kind)}, engine: ${engine}, first: ${size}`;
  return {
    name: 'search',
    demand,
    query: `query ${directive(demand)} { s: search(${which}) { ${PAGE} } } ${fragments(kind)}`,
    claims: (data) => pageClaims(data['s'] as Page | null, { kind, engine, where: { symbol } }),
  };
}

/** The server reckons with a week of windows, whatever is asked for: all fields with their contracts would be too much. */
const HISTORY_FIELDS = ['ordersTotal', 'totalAmount'];

/** Every window of a symbol in a stretch of time, from ClickHouse: a plain list, whose contract is in the extensions. */
export function historyOfSymbol(symbol: string, engine: Engine, from: string, to: string): Question {
  const which = `symbol: ${text(symbol)}, engine: ${engine}, from: ${text(from)}, to: ${text(to)}`;
  return {
    name: 'windowHistory',
    demand: NOTHING,
    asIs: true,
    query: `{ h: windowHistory(${which}) { ...R } } ${fragments('order_window', HISTORY_FIELDS)}`,
    claims: (data, extensions) => {
      const nodes = data['h'] as Page['edges'][number]['node'][] | null;
      const contract = inExtension('h', extensions);
      if (nodes === null) return [];
      const what = { kind: 'order_window', engine } as const;
      const between = { field: 'window_start', from, to };
      const members = nodes.map(({ businessKey }) => businessKey);
      return [
        ...(contract === null
          ? []
          : [{ subject: 'set' as const, ...what, where: { symbol }, between, complete: true, members, contract }]),
        ...nodes.flatMap((node) => rowClaims({ ...what, businessKey: node.businessKey }, node)),
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
    demand: NOTHING,
    asIs: true,
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
