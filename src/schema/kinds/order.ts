import { ID } from 'type-graphql';
import { KIND_ORDER } from '../../../wire/order.js';
import { ContractDateTime, ContractDecimal, ContractInt, ContractString, ResultKind } from '../result-kind.js';
import type { ContractLeaf } from '../../contract/field.js';

@ResultKind({
  kind: KIND_ORDER,
  description: 'An order as its newest version says. A deleted one stays, with the time of its deletion.',
  showsDeleted: true,
  newestOnly: true,
  searchable: true,
  one: {
    description: 'The order of this id, also when it is deleted.',
    arguments: { orderId: { type: ID, description: 'Its id in the source.' } },
    businessKey: ({ orderId = '' }) => orderId,
  },
  many: {
    name: 'orders',
    description:
      'Orders by the event time of their newest version, oldest first; `last` gives the newest. No deleted ones.',
    orderBy: 'event_time',
    filters: {
      symbol: { type: String, column: 'symbol', description: 'Only of this symbol.' },
      status: { type: String, column: 'status', description: 'Only in this status: PENDING, FILLED or CANCELLED.' },
    },
  },
})
export class Order {
  @ContractString()
  orderId!: ContractLeaf;
  @ContractString()
  symbol!: ContractLeaf;
  @ContractString('BUY or SELL.')
  side!: ContractLeaf;
  @ContractInt()
  quantity!: ContractLeaf;
  @ContractDecimal()
  price!: ContractLeaf;
  @ContractString('PENDING, FILLED or CANCELLED.')
  status!: ContractLeaf;
  @ContractDateTime('Of the event that this version came with.')
  eventTime!: ContractLeaf;
  @ContractInt()
  version!: ContractLeaf;
  @ContractDateTime('Its value is null while the order lives.')
  deletedAt!: ContractLeaf;
}
