/** Figures over the windows of a symbol. */
import { Field, ObjectType } from 'type-graphql';
import { ContractDecimalType, ContractIntType, ContractType } from './contract-types.js';
import { ProcessingEngineEnum } from './enums.js';
import { DateTime } from './scalars.js';

@ObjectType('SymbolStats', {
  simpleResolvers: true,
  description:
    'Figures over the windows of one symbol that begin in [from, to). Each is trusted as far as its weakest window.',
})
export class SymbolStatsType {
  @Field(() => String)
  symbol!: string;
  @Field(() => ProcessingEngineEnum)
  engine!: string;
  @Field(() => DateTime)
  from!: string;
  @Field(() => DateTime)
  to!: string;
  @Field(() => ContractIntType, { description: 'How many windows there are.' })
  windows!: unknown;
  @Field(() => ContractIntType)
  ordersTotal!: unknown;
  @Field(() => ContractIntType)
  ordersBuy!: unknown;
  @Field(() => ContractIntType)
  ordersSell!: unknown;
  @Field(() => ContractDecimalType, {
    description: 'Its value is null without windows, or when one is no exact decimal.',
  })
  totalAmount!: unknown;
  @Field(() => ContractDecimalType, { description: 'As `totalAmount`.' })
  minPrice!: unknown;
  @Field(() => ContractDecimalType, { description: 'As `totalAmount`.' })
  maxPrice!: unknown;
  @Field(() => ContractType, { description: 'Of all figures.' })
  contract!: unknown;
}
