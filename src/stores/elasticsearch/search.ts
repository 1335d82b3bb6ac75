/** Search over the texts of results, newest change first. */
import { AppError } from '../../errors.js';
import type { Answer, SearchHit, SearchQuery } from '../port.js';
import { answer } from './binding.js';
import { fromElastic } from './document.js';
import { alive, searchHits } from './read.js';
import type { ElasticPlace } from './request.js';

const TEXT_CHARACTERS = 256;

const invalid = (why: string): AppError =>
  new AppError('SEARCH_QUERY_INVALID', `The search can't be made: ${why}.`, { retryable: false, outcome: 'none' });

/**
 * Every word must be there, in any order and case, the last one as a beginning. Ordered by what never changes while the
 * result doesn't: a score would change with every other document, and a page would repeat or skip.
 */
export function searchBody({ text, kinds, engine, after, limit, expiredTo }: SearchQuery): object {
  const words = text.trim();
  if (words === '') throw invalid('it has no words');
  if (words.length > TEXT_CHARACTERS) throw invalid(`it has more than ${TEXT_CHARACTERS} characters`);
  const filter = [
    { terms: { kind: kinds } },
    { term: { processing_engine: engine } },
    { term: { deleted: false } },
    ...alive(expiredTo),
    { match_bool_prefix: { search_text: { query: words, operator: 'and' } } },
  ];
  return {
    query: { bool: { filter } },
    sort: [{ position: 'desc' }, { kind: 'asc' }, { business_key: 'asc' }],
    ...(after === undefined ? {} : { search_after: [String(after.position), after.kind, after.businessKey] }),
    size: limit,
    highlight: { encoder: 'html', require_field_match: true, fields: { search_text: { number_of_fragments: 5 } } },
  };
}

/** @throws AppError SEARCH_QUERY_INVALID (not retryable), POSITION_UNKNOWN or STORE_UNAVAILABLE (retryable) */
export async function search(place: ElasticPlace, query: SearchQuery): Promise<Answer<readonly SearchHit[]>> {
  const body = searchBody(query);
  return answer(
    place,
    (meta) => meta.search,
    async ({ index }) =>
      (await searchHits(place, index, body)).map((hit) => {
        const result = fromElastic(hit._source);
        const { position, kind, businessKey } = result;
        return { result, highlights: hit.highlight?.search_text ?? [], cursor: { position, kind, businessKey } };
      }),
  );
}
