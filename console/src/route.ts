/** Where the reader is, kept in the address after `#`: it can be shared, and the back button works. Pure. */

export const PAGES = ['stores', 'pipelines', 'keys', 'key', 'events', 'faults', 'runs'] as const;
export type Page = (typeof PAGES)[number];

export interface Route {
  readonly page: Page;
  readonly query: Readonly<Record<string, string>>;
}

/** An address that nobody knows is the first page. */
export function routeOf(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const page = PAGES.find((each) => each === path) ?? 'stores';
  return { page, query: Object.fromEntries(new URLSearchParams(search)) };
}

/** What is empty is left out. */
export function hashOf({ page, query }: Route): string {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString();
  return `#/${page}${search === '' ? '' : `?${search}`}`;
}
