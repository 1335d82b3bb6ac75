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
    query: `# How are the parts, and how far have they come?
query Health {
  serverInfo { version incarnation position time stores engines }
  stores { store healthy appliedPosition behindBy stalenessMs detail }
  pipelines { name engine run state lastHeartbeatTime sourceAsOf lastCheckpointTime }
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
