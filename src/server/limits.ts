import { ApolloArmor } from '@escape.tech/graphql-armor';
import type { ValidationRule } from 'graphql';
import type { ServerLimits } from './options.js';

/**
 * What a document may ask for, checked before anything is read. Two defaults of the library fail (shared facts): its
 * token limit turns syntax errors into 500, so the parser counts; its alias limit lets `__typename` through.
 */
export function documentRules(limits: ServerLimits): ValidationRule[] {
  const armor = new ApolloArmor({
    maxDepth: { n: limits.depth, ignoreIntrospection: true },
    maxAliases: { n: limits.aliases, allowList: [] },
    maxDirectives: { n: limits.directives },
    costLimit: { maxCost: limits.cost, ignoreIntrospection: true },
    maxTokens: { enabled: false },
    // Introspection is on: hiding names in suggestions would only hide typos.
    blockFieldSuggestion: { enabled: false },
  });
  return armor.protect().validationRules;
}
