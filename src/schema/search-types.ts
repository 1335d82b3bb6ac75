/** `search`: results of several kinds, with what was found in them. */
import { Field } from 'type-graphql';
import { connectionOf } from './connection.js';
import { Result } from './result-kind.js';

/** Nodes are Order or Anomaly; what every kind has can be asked for without saying which. */
export const SearchConnection = connectionOf(Result, {
  name: 'Search',
  edge: (prototype) =>
    Field(() => [String], {
      description: 'HTML: what was found, escaped, with the words that matched in <em>.',
    })(prototype, 'highlights'),
});
