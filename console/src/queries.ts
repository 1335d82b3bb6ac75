/** What the console asks, and the shape of the answers. A test holds each to the server's schema. */
import { gql } from '@apollo/client';
import type { ConfidenceLevel, ProcessingEngine, Store } from '../../client/index.js';

export interface Reason {
  readonly code: string;
  readonly message: string;
}

export interface ContractField<T> {
  readonly value: T;
  readonly confidenceLevel: ConfidenceLevel;
  readonly consistencyScope: string;
  readonly servedBy: Store;
  readonly stalenessMs: number | null;
  readonly stale: boolean;
  readonly asOf: string | null;
  readonly position: string;
  readonly provenAt: string | null;
  readonly reasons: readonly Reason[];
}

const CONTRACT = `confidenceLevel consistencyScope servedBy stalenessMs stale asOf position provenAt reasons { code message }`;

export interface ServerInfo {
  readonly version: string;
  readonly incarnation: string | null;
  readonly position: string | null;
  readonly time: string | null;
  readonly engines: readonly ProcessingEngine[];
}
const SERVER = `serverInfo { version incarnation position time engines }`;

export interface LabData {
  readonly serverInfo: { readonly lab: boolean } | null;
}
export const LAB = gql`
  query ConsoleLab {
    serverInfo {
      lab
    }
  }
`;

export interface LabFault {
  readonly name: string;
  /** OFF, INJECTING, ON or HEALING. */
  readonly state: string;
  readonly healsAt: string | null;
  readonly error: string | null;
}
export interface FaultsData {
  readonly faults: readonly LabFault[] | null;
}
export interface LabRun {
  readonly id: string;
  readonly what: string;
  readonly date: string;
  readonly verdict: string;
  readonly seed: number;
  readonly commit: string;
  readonly minutes: number;
  readonly faults: number;
  readonly claims: number;
  readonly falseClaims: number;
  readonly limitsMissed: number;
}
export interface RunsData {
  readonly labRuns: readonly LabRun[] | null;
}
export const RUNS = gql`
  query ConsoleRuns {
    labRuns {
      id
      what
      date
      verdict
      seed
      commit
      minutes
      faults
      claims
      falseClaims
      limitsMissed
    }
  }
`;
const FAULT = `name state healsAt error`;
/** Lab mode: in no other server's schema. */
export const FAULTS = gql`query ConsoleFaults { faults { ${FAULT} } }`;
export const INJECT = gql`mutation ConsoleInject($name: ID!) { injectFault(name: $name) { ${FAULT} } }`;
export const HEAL = gql`mutation ConsoleHeal($name: ID!) { healFault(name: $name) { ${FAULT} } }`;

export interface StoreStatus {
  readonly store: Store;
  readonly healthy: boolean;
  readonly appliedPosition: string | null;
  readonly behindBy: string | null;
  readonly stalenessMs: number | null;
  readonly detail: string | null;
}
export interface StoresData {
  readonly serverInfo: ServerInfo | null;
  readonly stores: readonly StoreStatus[] | null;
}
export const STORES = gql`query ConsoleStores {
  ${SERVER}
  stores { store healthy appliedPosition behindBy stalenessMs detail }
}`;

export interface PipelineStatus {
  readonly name: string;
  readonly engine: ProcessingEngine;
  readonly run: string | null;
  readonly state: string;
  readonly jobState: string | null;
  readonly conditions: readonly string[];
  readonly lastHeartbeatTime: string | null;
  readonly sourceAsOf: string | null;
  readonly watermark: string | null;
  readonly sourceLag: string | null;
  readonly lastCheckpointId: string | null;
  readonly lastCheckpointTime: string | null;
  readonly lastCheckpointSeenTime: string | null;
  readonly checkpointIntervalMs: number | null;
  readonly lastCheckpointDurationMs: number | null;
  readonly lastCheckpointSizeBytes: string | null;
  readonly completedCheckpoints: number | null;
  readonly failedCheckpoints: number | null;
  readonly restarts: number | null;
}
export interface PipelinesData {
  readonly serverInfo: ServerInfo | null;
  readonly pipelines: readonly PipelineStatus[] | null;
}
export const PIPELINES = gql`query ConsolePipelines {
  ${SERVER}
  pipelines {
    name engine run state jobState conditions lastHeartbeatTime sourceAsOf watermark sourceLag
    lastCheckpointId lastCheckpointTime lastCheckpointSeenTime checkpointIntervalMs lastCheckpointDurationMs
    lastCheckpointSizeBytes completedCheckpoints failedCheckpoints restarts
  }
}`;

/** A result of any kind: `shown` carries the contract of the row, which all its fields share. */
export interface ResultNode {
  readonly kind: string;
  readonly businessKey: string;
  readonly engine: ProcessingEngine;
  readonly revision: number;
  readonly final: boolean;
  readonly updatedAt: string;
  readonly shown: ContractField<unknown>;
  readonly [field: string]: unknown;
}
export interface Connection {
  readonly edges: readonly { readonly node: ResultNode }[];
  readonly contract: Pick<ContractField<never>, 'confidenceLevel' | 'reasons'>;
}
export interface KeysData {
  readonly flink?: Connection | null;
  readonly kafkaOnly?: Connection | null;
}
export interface KeysVariables {
  readonly symbol: string | null;
  readonly count: number;
  readonly flink: boolean;
  readonly kafkaOnly: boolean;
}

const HEAD = `kind businessKey engine revision final updatedAt`;

function keysOf(name: string, field: string, shown: string, rest: string) {
  const connection = (engine: string): string => `${field}(engine: ${engine}, symbol: $symbol, last: $count)`;
  const body = `{ edges { node { ${HEAD} shown: ${shown} { value ${CONTRACT} } ${rest} } } contract { confidenceLevel reasons { code message } } }`;
  return gql`query ${name}($symbol: String, $count: Int!, $flink: Boolean!, $kafkaOnly: Boolean!) {
    flink: ${connection('FLINK')} @include(if: $flink) ${body}
    kafkaOnly: ${connection('KAFKA_ONLY')} @include(if: $kafkaOnly) ${body}
  }`;
}

/** By kind: the newest results of each engine that is asked for. */
export const KEYS = {
  order_window: keysOf(
    'ConsoleWindows',
    'orderWindows',
    'ordersTotal',
    'ordersBuy { value } ordersSell { value } totalAmount { value }',
  ),
  order: keysOf(
    'ConsoleOrders',
    'orders',
    'status',
    'symbol { value } side { value } quantity { value } price { value } version { value }',
  ),
  anomaly: keysOf('ConsoleAnomalies', 'anomalies', 'observed', 'symbol { value } threshold { value }'),
} as const;

export interface StoreAnswer {
  readonly store: Store;
  readonly available: boolean;
  readonly present: boolean;
  readonly deleted: boolean;
  readonly value: ContractField<Values | null> | null;
}
export type Values = Readonly<Record<string, unknown>>;
export interface EngineFinding {
  readonly engine: ProcessingEngine | null;
  readonly code: string;
  readonly message: string;
}
export interface EngineAnswer {
  readonly engine: ProcessingEngine;
  readonly present: boolean;
  readonly value: ContractField<Values | null>;
  readonly evidence: {
    readonly run: string;
    readonly revision: number;
    readonly final: boolean;
    readonly verified: boolean;
    readonly cause: string | null;
    readonly events: string | null;
    readonly coverage: Readonly<Record<string, readonly [number, number]>> | null;
    readonly epoch: string | null;
  } | null;
}
export interface KeyData {
  readonly compareEngines: {
    readonly verdict: string;
    readonly suspect: ProcessingEngine | null;
    readonly differences: readonly { readonly field: string; readonly kafkaOnly: unknown; readonly flink: unknown }[];
    readonly why: readonly EngineFinding[];
    readonly answers: readonly EngineAnswer[];
  } | null;
  readonly flink: readonly StoreAnswer[] | null;
  readonly kafkaOnly: readonly StoreAnswer[] | null;
}

const compareStores = (engine: string): string =>
  `compareStores(engine: ${engine}, kind: $kind, businessKey: $key) { store available present deleted value { value ${CONTRACT} } }`;
export interface AppliedRule {
  readonly stage: string;
  readonly scenario: string;
  readonly decision: string;
  readonly reason: Reason | null;
  /** What it waited for has not come yet. */
  readonly holds: boolean;
}
export interface Explanation {
  readonly engine: ProcessingEngine;
  readonly present: boolean;
  readonly contract: { readonly confidenceLevel: ConfidenceLevel };
  readonly decidedBy: AppliedRule | null;
  readonly rules: readonly AppliedRule[];
  readonly toHigh: readonly { readonly reason: Reason; readonly by: string; readonly what: string }[];
  readonly highNotBefore: string | null;
  readonly reproduced: boolean | null;
  readonly history: {
    readonly changes: readonly {
      readonly id: string;
      readonly type: string;
      readonly at: string;
      readonly message: string;
    }[];
  } | null;
}
export interface ExplainData {
  readonly flink: Explanation | null;
  readonly kafkaOnly: Explanation | null;
}
const RULE = `stage scenario decision reason { code message } holds`;
const explain = (engine: string): string => `explain(kind: $kind, businessKey: $key, engine: ${engine}, first: 10) {
    engine present contract { confidenceLevel } decidedBy { ${RULE} } rules { ${RULE} }
    toHigh { reason { code message } by what } highNotBefore reproduced
    history { changes { id type at message } }
  }`;
export const EXPLAIN = gql`query ConsoleExplain($kind: String!, $key: ID!) {
  flink: ${explain('FLINK')}
  kafkaOnly: ${explain('KAFKA_ONLY')}
}`;

export const KEY = gql`query ConsoleKey($kind: String!, $key: ID!) {
  compareEngines(kind: $kind, businessKey: $key) {
    verdict suspect
    differences { field kafkaOnly flink }
    why { engine code message }
    answers {
      engine present
      value { value ${CONTRACT} }
      evidence { run revision final verified cause events coverage epoch }
    }
  }
  flink: ${compareStores('FLINK')}
  kafkaOnly: ${compareStores('KAFKA_ONLY')}
}`;

export interface StalenessEvent {
  readonly id: string;
  readonly type: string;
  readonly at: string;
  readonly store: Store | null;
  readonly pipeline: string | null;
  readonly engine: ProcessingEngine | null;
  readonly kind: string | null;
  readonly businessKey: string | null;
  readonly levelBefore: ConfidenceLevel | null;
  readonly levelAfter: ConfidenceLevel | null;
  readonly reasons: readonly Reason[];
  readonly message: string;
}
export interface EventsData {
  readonly stalenessEvents: { readonly edges: readonly { readonly node: StalenessEvent }[] } | null;
}
export const EVENTS = gql`
  query ConsoleEvents($count: Int!) {
    stalenessEvents(last: $count) {
      edges {
        node {
          id
          type
          at
          store
          pipeline
          engine
          kind
          businessKey
          levelBefore
          levelAfter
          reasons {
            code
            message
          }
          message
        }
      }
    }
  }
`;
