import { ID } from 'type-graphql';
import { KIND_ANOMALY } from '../../../wire/anomaly.js';
import { ContractDateTime, ContractDecimal, ContractString, ResultKind } from '../result-kind.js';
import type { ContractLeaf } from '../../contract/field.js';

@ResultKind({
  kind: KIND_ANOMALY,
  description: 'What one rule has to say about one order.',
  searchable: true,
  one: {
    description: 'What this rule found in this order.',
    arguments: {
      rule: { type: String, description: 'LARGE_ORDER, HIGH_AMOUNT, PRICE_SPIKE or RAPID_ORDERS.' },
      orderId: { type: ID, description: 'The id of the order.' },
    },
    businessKey: ({ rule = '', orderId = '' }) => `${rule}:${orderId}`,
  },
  many: {
    name: 'anomalies',
    description: 'Anomalies by the event time of their order, oldest first; `last` gives the newest.',
    orderBy: 'detected_at',
    filters: {
      symbol: { type: String, column: 'symbol', description: 'Only of this symbol.' },
      rule: { type: String, column: 'rule', description: 'Only of this rule.' },
    },
  },
})
export class Anomaly {
  @ContractString('LARGE_ORDER, HIGH_AMOUNT, PRICE_SPIKE or RAPID_ORDERS.')
  rule!: ContractLeaf;
  @ContractString()
  orderId!: ContractLeaf;
  @ContractString()
  symbol!: ContractLeaf;
  @ContractDecimal('The quantity, the amount, the change in percent, or the number of predecessors: as the rule says.')
  observed!: ContractLeaf;
  @ContractDecimal('What `observed` is held against.')
  threshold!: ContractLeaf;
  @ContractDateTime('Event time of the order.')
  detectedAt!: ContractLeaf;
}
