/**
 * The first tabs of GraphiQL: one query per question that people come with. A test runs each. Every variable has a
 * default, because GraphiQL's tabs do not always bring their variables along.
 */
export interface SavedQuery {
  readonly query: string;
}

const CONTRACT = `fragment Contract on ContractField {
  confidenceLevel
  consistencyScope
  stalenessMs
  stale
  servedBy
  lastCheckpointTime
  lastCdcSyncTime
  reasons { code message }
}`;

export const SAVED_QUERIES: readonly SavedQuery[] = [
  {
    query: `# The newest windows, and how far each number can be trusted.
query NewestWindows($symbol: String, $count: Int = 5) {
  orderWindows(symbol: $symbol, last: $count) {
    edges {
      node {
        businessKey
        engine
        final
        ordersTotal { value confidenceLevel stalenessMs reasons { code } }
        totalAmount { value ...Contract }
      }
    }
    pageInfo { hasPreviousPage startCursor }
    contract { confidenceLevel reasons { code message } }
  }
}

${CONTRACT}
`,
  },
  {
    query: `# The same window from Postgres, whatever it costs: read after this request began.
query OneWindow($symbol: String! = "005930", $at: DateTime! = "2026-01-05T09:00:00.000Z") @consistency(scope: STRONG) {
  orderWindow(symbol: $symbol, at: $at) {
    businessKey
    final
    ordersTotal { value }
    ordersBuy { value }
    ordersSell { value }
    averagePrice { value }
    totalAmount { value ...Contract }
  }
}

${CONTRACT}
`,
  },
  {
    query: `# The newest orders and what is odd about them.
query Orders($symbol: String, $count: Int = 5) {
  orders(symbol: $symbol, last: $count) {
    edges { node { orderId { value } symbol { value } side { value } quantity { value } price { value } status { value ...Contract } } }
    pageInfo { hasPreviousPage startCursor }
    contract { confidenceLevel reasons { code message } }
  }
  anomalies(symbol: $symbol, last: $count) {
    edges { node { rule { value confidenceLevel } orderId { value } observed { value } threshold { value } detectedAt { value } } }
    contract { confidenceLevel reasons { code message } }
  }
}

${CONTRACT}
`,
  },
  {
    query: `# Find orders and anomalies by their words. What a search finds is never proven to be all.
query Search($text: String! = "005930", $count: Int = 10) {
  search(text: $text, first: $count) {
    edges {
      highlights
      node {
        kind
        businessKey
        ... on Order { symbol { value } status { value ...Contract } }
        ... on Anomaly { rule { value } observed { value ...Contract } }
      }
    }
    pageInfo { hasNextPage endCursor }
    contract { confidenceLevel consistencyScope reasons { code message } }
  }
}

${CONTRACT}
`,
  },
  {
    query: `# Figures over a day, from ClickHouse and, beside it, from Postgres; and the windows that they are made of.
query Day($symbol: String! = "005930", $from: DateTime! = "2026-01-05T00:00:00Z", $to: DateTime! = "2026-01-06T00:00:00Z") {
  symbolStats(symbol: $symbol, from: $from, to: $to) { ...Figures }
  strong: symbolStats(symbol: $symbol, from: $from, to: $to) @consistency(scope: STRONG) { ...Figures }
  windowHistory(symbol: $symbol, from: $from, to: $to) { windowStart { value } ordersTotal { value } totalAmount { value confidenceLevel } }
}

fragment Figures on SymbolStats {
  windows { value }
  ordersTotal { value }
  totalAmount { value ...Contract }
  minPrice { value }
  maxPrice { value }
}

${CONTRACT}
`,
  },
  {
    query: `# Any result by its kind and key, with its value in one piece.
query AnyResult($kind: String! = "order_window", $key: ID! = "005930@2026-01-05T09:00:00.000Z") {
  result(kind: $kind, businessKey: $key) { engine revision final updatedAt deleted { value } value { value ...Contract } }
}

${CONTRACT}
`,
  },
  {
    query: `# What happened to the trust in results, and what could not be read?
query Happened($count: Int = 20) {
  stalenessEvents(last: $count) {
    edges { node { id type at kind businessKey levelBefore levelAfter reasons { code } message } }
    pageInfo { hasPreviousPage startCursor }
  }
  deadLetters(first: $count) {
    edges { node { id topic partition offset cause message payload state noted: notedAt } }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  },
  {
    query: `# Wait until these source events are counted and stored: their token makes later answers reflect them.
query Await($ids: [ID!]! = [], $timeoutMs: Int = 5000) {
  awaitIngested(eventIds: $ids, timeoutMs: $timeoutMs) { token position missing }
}
`,
  },
  {
    query: `# What does each store hold? They may differ for a moment; each says by how much.
query Compare($key: ID! = "005930@2026-01-05T09:00:00.000Z") {
  compareStores(kind: "order_window", businessKey: $key) {
    store
    available
    present
    value { value confidenceLevel consistencyScope asOf stalenessMs provenAt reasons { code } }
  }
}
`,
  },
  {
    query: `# What has each engine made of it? Who differs, and why?
query Engines($kind: String! = "order_window", $key: ID! = "005930@2026-01-05T09:00:00.000Z") {
  compareEngines(kind: $kind, businessKey: $key) {
    verdict
    suspect
    differences { field kafkaOnly flink }
    why { engine code message }
    answers {
      engine
      present
      value { value confidenceLevel reasons { code message } }
      evidence { run revision final verified cause events digest duplicatesDropped coverage epoch lastCheckpointTime }
    }
  }
}
`,
  },
  {
    query: `# Why does a result have this level, what happened to it before, and what has to happen for HIGH?
query Why($kind: String! = "order_window", $key: ID! = "005930@2026-01-05T09:00:00.000Z", $store: Store) {
  explain(kind: $kind, businessKey: $key, store: $store) {
    contract { confidenceLevel servedBy stale reasons { code message } }
    decidedBy { ...Rule }
    rules { ...Rule }
    evidence { run revision coverage digest events cause }
    toHigh { by what notBefore reason { code } }
    highNotBefore
    history { changes { at type levelBefore levelAfter message scenarios } hasMore }
    stores { store available value { value confidenceLevel reasons { code } } }
    reproduced
  }
}

fragment Rule on AppliedRule { stage scenario level holds reason { code } inputs thresholds }
`,
  },
  {
    query: `# What was refused, with both values, and what is recomputed from the source?
query Refused($key: ID, $count: Int = 20) {
  refusals(businessKey: $key, first: $count) {
    edges {
      node {
        id kind businessKey engine reason { code message } differs
        stored { value run revision coverage digest }
        refused { value run revision coverage digest }
        topic partition offset notedAt
      }
    }
    pageInfo { hasNextPage endCursor }
  }
  reprocessing(businessKey: $key, first: $count) {
    edges { node { id state kind businessKey engine reason { code } requestedBy requestedAt attempts upTo finishedAt failure { code message } } }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  },
  {
    query: `# Has a result recomputed from the source: once, however often it is asked for.
mutation Recompute($kind: String! = "order_window", $key: ID! = "005930@2026-01-05T09:00:00.000Z", $engine: ProcessingEngine! = FLINK) {
  requestReprocessing(kind: $kind, businessKey: $key, engine: $engine) { id state attempts dueAt failure { code message } }
}
`,
  },
  {
    query: `# How are the parts, and how far have they come?
query Health {
  serverInfo { version incarnation position time stores engines }
  stores { store healthy appliedPosition behindBy stalenessMs detail }
  pipelines { name engine run state conditions lastHeartbeatTime sourceAsOf watermark sourceLag ...Checkpoints }
}

fragment Checkpoints on PipelineStatus {
  jobState
  checkpointIntervalMs
  lastCheckpointId
  lastCheckpointTime
  lastCheckpointSeenTime
  lastCheckpointDurationMs
  lastCheckpointSizeBytes
  completedCheckpoints
  failedCheckpoints
  restarts
}
`,
  },
  {
    query: `# When is a result HIGH, when not, and why?
query Rules {
  decisionTable { scenario engine postgres mongodb level reason decision }
}
`,
  },
];
