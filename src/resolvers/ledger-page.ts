/** Pages of what is written down once and never moves, newest first: a cursor is the id of its row. */
import type { Services } from './context.js';
import { bounded } from './context.js';
import { badCursor } from './cursor.js';
import { planPage, type PageArguments } from './page.js';

export interface LedgerPage {
  readonly limit: number;
  /** Only those written down before this one. */
  readonly after?: bigint;
}

/** @throws AppError BAD_PAGE_SIZE, BAD_CURSOR, STORE_UNAVAILABLE */
export async function pageById<T extends { readonly id: bigint }>(
  services: Services,
  given: PageArguments,
  read: (page: LedgerPage) => Promise<readonly T[]>,
  present: (row: T) => object,
): Promise<object> {
  const page = planPage(placeOf, given, services.maxPageSize);
  // One more than the page: are there more?
  const limit = page.size + 1;
  const rows = await bounded(
    services,
    read(page.start === null ? { limit } : { limit, after: BigInt(page.start.order) }),
  );
  const edges = rows.slice(0, page.size).map((row) => ({ node: present(row), cursor: String(row.id) }));
  const pageInfo = {
    hasNextPage: rows.length > page.size,
    hasPreviousPage: page.start !== null,
    startCursor: edges[0]?.cursor ?? null,
    endCursor: edges.at(-1)?.cursor ?? null,
  };
  return { edges, pageInfo };
}

function placeOf(cursor: string): { order: string; businessKey: string } {
  if (!/^\d{1,18}$/.test(cursor)) throw badCursor();
  return { order: cursor, businessKey: '' };
}
