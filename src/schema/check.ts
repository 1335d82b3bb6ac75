import { getNamedType, isInterfaceType, isObjectType, type GraphQLObjectType, type GraphQLSchema } from 'graphql';
import { AppError } from '../errors.js';

/**
 * No bare field: every field that a result type has beyond the interface `Result` must be a contract field.
 * @throws AppError CONTRACT_MISSING with the type and the field
 */
export function checkContracts(schema: GraphQLSchema): void {
  const result = schema.getType('Result');
  const contract = schema.getType('ContractField');
  if (!isInterfaceType(result) || !isInterfaceType(contract)) return;
  const common = new Set(Object.keys(result.getFields()));
  const contracts = new Set<unknown>(schema.getImplementations(contract).objects);
  for (const type of schema.getImplementations(result).objects) {
    for (const field of bareFields(type, common, contracts)) {
      throw new AppError(
        'CONTRACT_MISSING',
        `CONTRACT_MISSING ${type.name}.${field}: declare it with @ContractInt, @ContractString, …`,
        {
          retryable: false,
          outcome: 'none',
        },
      );
    }
  }
}

const bareFields = (type: GraphQLObjectType, common: ReadonlySet<string>, contracts: ReadonlySet<unknown>): string[] =>
  Object.values(type.getFields())
    .filter((field) => !common.has(field.name))
    .filter((field) => !isObjectType(getNamedType(field.type)) || !contracts.has(getNamedType(field.type)))
    .map((field) => field.name);
