import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, Info, Int, Query, Resolver } from 'type-graphql';
import { responseKeys } from '../contract/response-keys.js';
import { AppError } from '../errors.js';
import { position } from '../position/position.js';
import { DEFAULT_ENGINE, ProcessingEngineEnum } from '../schema/enums.js';
import { present, type KindDefinition } from '../schema/result-kind.js';
import { SearchConnection } from '../schema/search-types.js';
import type { SearchCursor } from '../stores/port.js';
import type { ProcessingEngine } from '../words.js';
import { errandAt, orNull, type RequestContext } from './context.js';
import { badCursor, encodeCursor, type Place } from './cursor.js';
import { planPage } from './page.js';

/** Cursors of searches are no listing's. */
const CURSORS = '~search';

@Resolver()
export class SearchResolver {
  @Query(() => SearchConnection, {
    nullable: true,
    description:
      'Results that hold every word of `text`, the last one as a beginning; newest change first. From Elasticsearch alone; the set is never HIGH.',
  })
  async search(
    @Arg('text', () => String) text: string,
    @Arg('kind', () => String, { nullable: true, description: 'Only of this kind: order or anomaly.' })
    kind: string | undefined,
    @Arg('engine', () => ProcessingEngineEnum, { nullable: true, description: DEFAULT_ENGINE })
    engine: ProcessingEngine | undefined,
    @Arg('first', () => Int, { nullable: true, description: 'The first so many, at most 500. Default 50.' })
    first: number | undefined,
    @Arg('after', () => String, { nullable: true, description: 'Only what follows this cursor.' })
    after: string | undefined,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<object | null> {
    const { reader, ledger, services } = context;
    const path = String(info.path.key);
    const kinds = searched(services.kinds, kind ?? null);
    const page = planPage(CURSORS, { first, after }, services.maxPageSize);
    const query = {
      text,
      kinds: [...kinds.keys()],
      engine: await reader.engine(engine),
      limit: page.size + 1,
      ...(page.start === null ? {} : { after: cursorOf(page.start) }),
    };
    const found = await orNull(reader.search(query, errandAt(context, path)));
    if (found === null) return null;
    const hits = found.hits.slice(0, page.size);
    ledger.add(path, found.contract);
    for (const [edges, node] of responseKeys(info, ['edges', 'node'])) {
      hits.forEach(({ contract }, i) => ledger.add(`${path}.${edges}.${i}.${node}`, contract));
    }
    const edges = hits.flatMap(({ result, contract, highlights, cursor }) => {
      const definition = kinds.get(result.kind);
      if (definition === undefined) return [];
      return [
        { node: present(definition, result, contract), highlights, cursor: encodeCursor(CURSORS, placeOf(cursor)) },
      ];
    });
    const pageInfo = {
      hasNextPage: found.hits.length > page.size,
      hasPreviousPage: page.start !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    };
    return { edges, pageInfo, contract: found.contract };
  }
}

function searched(definitions: readonly KindDefinition[], kind: string | null): Map<string, KindDefinition> {
  const searchable = definitions.filter((definition) => definition.searchable === true);
  const asked = searchable.filter((definition) => kind === null || definition.kind === kind);
  if (asked.length > 0) return new Map(asked.map((definition) => [definition.kind, definition]));
  throw new AppError(
    'SEARCH_KIND_UNKNOWN',
    `Nothing of kind ${JSON.stringify(kind)} is searched: use ${searchable.map((known) => known.kind).join(' or ')}.`,
    { retryable: false, outcome: 'none' },
  );
}

const placeOf = ({ position: at, kind, businessKey }: SearchCursor): Place => ({
  order: `${at}|${kind}`,
  businessKey,
});

function cursorOf({ order, businessKey }: Place): SearchCursor {
  const [, at, kind] = /^(\d{1,18})\|(.*)$/s.exec(order) ?? [];
  if (at === undefined || kind === undefined) throw badCursor();
  return { position: position(at), kind, businessKey };
}
