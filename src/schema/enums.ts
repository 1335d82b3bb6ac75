/** The enums of the API: the closed sets of words.ts, value = name. */
import 'reflect-metadata';
import { registerEnumType } from 'type-graphql';
import { CONFIDENCE_LEVELS, CONSISTENCY_SCOPES, PROCESSING_ENGINES, STALENESS_EVENTS, STORES } from '../words.js';

type Words<T extends readonly string[]> = { readonly [Word in T[number]]: Word };
export const enumOf = <const T extends readonly string[]>(words: T): Words<T> =>
  Object.fromEntries(words.map((word) => [word, word])) as Words<T>;

export const ConfidenceLevelEnum = enumOf(CONFIDENCE_LEVELS);
export const ConsistencyScopeEnum = enumOf(CONSISTENCY_SCOPES);
export const ProcessingEngineEnum = enumOf(PROCESSING_ENGINES);
export const StoreEnum = enumOf(STORES);
export const StalenessEventTypeEnum = enumOf(STALENESS_EVENTS);

registerEnumType(ConfidenceLevelEnum, {
  name: 'ConfidenceLevel',
  description: 'How far a value can be trusted, strongest first.',
  valuesConfig: {
    HIGH: {
      description: 'Equals the fold of all its source events up to its coverage, and is its newest accepted row.',
    },
    EVENTUALLY_CONSISTENT: {
      description: 'May be behind or provisional; converges by itself once what `reasons` names runs.',
    },
    LOW: { description: 'May be wrong and does not repair itself, or its pipeline has stopped.' },
  },
});
registerEnumType(ConsistencyScopeEnum, {
  name: 'ConsistencyScope',
  description: 'The path that an answer took.',
  valuesConfig: {
    STRONG: { description: 'Postgres, read after the request began.' },
    EVENTUAL: { description: 'A read model.' },
    SEARCH: { description: 'A search.' },
  },
});
registerEnumType(ProcessingEngineEnum, { name: 'ProcessingEngine', description: 'Which engine calculated a result.' });
registerEnumType(StoreEnum, { name: 'Store', description: 'Where an answer was read.' });
registerEnumType(StalenessEventTypeEnum, {
  name: 'StalenessEventType',
  description: 'What happened to how far something can be trusted.',
});

/** The description of every `engine` argument. */
export const DEFAULT_ENGINE = 'Default: FLINK if a FLINK pipeline has been heard of, else KAFKA_ONLY.';
