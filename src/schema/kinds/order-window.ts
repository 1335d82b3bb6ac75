import { KIND_ORDER_WINDOW, windowKey } from '../../../wire/order-window.js';
import { ContractDateTime, ContractDecimal, ContractInt, ContractString, ResultKind } from '../result-kind.js';
import { DateTime } from '../scalars.js';
import type { ContractLeaf } from '../../contract/field.js';

/** Tumbling windows of five minutes, aligned to the epoch (contract.md §4). */
export const WINDOW_MS = 5 * 60_000;

@ResultKind({
  kind: KIND_ORDER_WINDOW,
  description: 'Totals of the orders of one symbol in five minutes of event time.',
  one: {
    description: 'The window of a symbol that a moment lies in.',
    arguments: {
      symbol: { type: String, description: 'For example 005930.' },
      at: { type: DateTime, description: 'Any moment in the window.' },
    },
    businessKey: ({ symbol = '', at = '' }) => windowKey(symbol, Math.floor(Date.parse(at) / WINDOW_MS) * WINDOW_MS),
  },
  many: {
    name: 'orderWindows',
    description: 'Windows by their start, oldest first; `last` gives the newest.',
    orderBy: 'window_start',
    filters: { symbol: { type: String, column: 'symbol', description: 'Only of this symbol.' } },
  },
})
export class OrderWindow {
  @ContractString()
  symbol!: ContractLeaf;
  @ContractDateTime()
  windowStart!: ContractLeaf;
  @ContractDateTime()
  windowEnd!: ContractLeaf;
  @ContractInt()
  ordersTotal!: ContractLeaf;
  @ContractInt()
  ordersBuy!: ContractLeaf;
  @ContractInt()
  ordersSell!: ContractLeaf;
  @ContractDecimal('Sum of quantity × price.')
  totalAmount!: ContractLeaf;
  @ContractDecimal('Unweighted mean of the prices.')
  averagePrice!: ContractLeaf;
  @ContractDecimal()
  minPrice!: ContractLeaf;
  @ContractDecimal()
  maxPrice!: ContractLeaf;
}
