export { ADVICE, adviceFor, type Advice } from './advice.js';
export { Contracts, type GraphQLFailure, type GraphQLResponse, type Unmet } from './answer.js';
export { createClient, type Client, type ClientOptions, type IngestReceipt, type QueryOptions } from './client.js';
export { elapsedMs, systemClock, type Clock, type Instant } from './clock.js';
export { CLIENT_REASONS, readContract, weakestContract, type Contract, type Received } from './contract.js';
export { aged, type DecayRule } from './decay.js';
export { decide, WHY, type Action, type Circumstances, type Decision, type Why, type WhyCode } from './decide.js';
export {
  affectedBy,
  EVENTS_DOCUMENT,
  followEvents,
  type Affected,
  type EventFilter,
  type Followed,
  type FollowOptions,
  type Subscribe,
  type TrustEvent,
} from './events.js';
export { CONSISTENCY_HEADER, headerOf } from './header.js';
export { DASHBOARD, FINANCIAL, SEARCH, type Fallback, type Policy, type RetryRule, type SteadyRule } from './policy.js';
export type { Send } from './read.js';
export { isStricter, stricterOf, type Requirement } from './requirement.js';
export { Session, type Answer, type ReadOptions, type SessionOptions } from './session.js';
export { startSteady, steadyAfter, type Steady } from './steady.js';
export {
  compareTokens,
  mergeTokens,
  readToken,
  TOKEN_REFUSALS,
  TokenError,
  type Token,
  type TokenFault,
  type TokenOrder,
} from './token.js';
export {
  CONFIDENCE_LEVELS,
  CONSISTENCY_SCOPES,
  levelMeets,
  scopeMeets,
  weakerLevel,
  type ConfidenceLevel,
  type ConsistencyScope,
  type OnUnmet,
  type ProcessingEngine,
  type Store,
} from './words.js';
