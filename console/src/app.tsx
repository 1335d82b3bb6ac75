/** The frame around every page: where one is, whether the figures live, and where a token is entered. */
import type { ApolloClient } from '@apollo/client';
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore, type ReactNode } from 'react';
import { LiveProvider, type Surroundings } from './live.js';
import { LAB, type LabData } from './queries.js';
import { EventsPage } from './pages/events.js';
import { FaultsPage } from './pages/faults.js';
import { KeyPage } from './pages/key.js';
import { KeysPage } from './pages/keys.js';
import { PipelinesPage } from './pages/pipelines.js';
import { RunsPage } from './pages/runs.js';
import { StoresPage } from './pages/stores.js';
import { hashOf, PAGES, routeOf, type Page, type Route } from './route.js';
import type { TokenStore } from './token.js';
import { troubleOf } from './trouble.js';
import { TokenForm } from './ui/token-form.js';

const TITLES: Readonly<Record<Page, string>> = {
  stores: 'Stores',
  pipelines: 'Pipelines',
  keys: 'Keys by confidence',
  key: 'One key everywhere',
  events: 'Events',
  faults: 'Faults',
  runs: 'Runs of the lab',
};

/** Of a server that offers faults. */
const LAB_ONLY: ReadonlySet<Page> = new Set(['faults', 'runs']);

function useRoute(): Route {
  const hash = useSyncExternalStore(
    (changed) => {
      window.addEventListener('hashchange', changed);
      return () => window.removeEventListener('hashchange', changed);
    },
    () => window.location.hash,
  );
  return useMemo(() => routeOf(hash), [hash]);
}

export function App({ client, tokens }: { readonly client: ApolloClient; readonly tokens: TokenStore }): ReactNode {
  const route = useRoute();
  const [paused, setPaused] = useState(false);
  const [tokenChanges, setTokenChanges] = useState(0);
  /** REFUSED: one was sent, and it was not the right one. */
  const [token, setToken] = useState<'FINE' | 'WANTED' | 'REFUSED'>('FINE');
  const onTrouble = useCallback(
    (error: unknown) => {
      const wanted = troubleOf(error, false)?.kind === 'TOKEN';
      setToken(wanted ? (tokens.token === null ? 'WANTED' : 'REFUSED') : 'FINE');
    },
    [tokens],
  );
  const surroundings = useMemo<Surroundings>(
    () => ({ client, paused, tokenChanges, onTrouble }),
    [client, paused, tokenChanges, onTrouble],
  );
  const lab = useLab(client, tokenChanges);
  const heading = useTitle(route.page);
  const enter = (entered: string): void => {
    tokens.set(entered);
    setToken('WANTED');
    setTokenChanges((changes) => changes + 1);
  };
  return (
    <LiveProvider value={surroundings}>
      <a className="skip" href="#main" onClick={(event) => skip(event, heading.current)}>
        Skip to the page
      </a>
      <header className="top">
        <p className="brand">
          Tidemark <span>console</span>
        </p>
        <nav aria-label="Pages">
          <ul>
            {PAGES.filter((page) => lab || !LAB_ONLY.has(page) || route.page === page).map((page) => (
              <li key={page}>
                <a href={hashOf({ page, query: {} })} aria-current={page === route.page ? 'page' : undefined}>
                  {TITLES[page]}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? '▶ Paused' : '❚❚ Pause'}
          <span className="hidden"> updates</span>
        </button>
      </header>
      <main id="main">
        <h1 ref={heading} tabIndex={-1}>
          {TITLES[route.page]}
        </h1>
        {token !== 'FINE' && <TokenForm refused={token === 'REFUSED'} onToken={enter} />}
        <PageOf key={route.page} route={route} />
      </main>
      <footer>
        <p>
          Every figure comes from this server’s public API: <a href="../graphql">GraphiQL</a>. Nothing is asked while
          the tab is hidden.
        </p>
      </footer>
    </LiveProvider>
  );
}

/** Does this server offer faults? Asked once, and again with another token. */
function useLab(client: ApolloClient, tokenChanges: number): boolean {
  const [lab, setLab] = useState(false);
  useEffect(() => {
    let wanted = true;
    // Not aborted: Apollo answers the same question, asked again meanwhile, with this one.
    client
      .query<LabData>({ query: LAB, fetchPolicy: 'no-cache' })
      .then(({ data }) => wanted && setLab(data?.serverInfo?.lab === true))
      // A page that can't ask says so itself.
      .catch(() => undefined);
    return () => {
      wanted = false;
    };
  }, [client, tokenChanges]);
  return lab;
}

function PageOf({ route }: { readonly route: Route }): ReactNode {
  switch (route.page) {
    case 'stores':
      return <StoresPage />;
    case 'pipelines':
      return <PipelinesPage />;
    case 'keys':
      return <KeysPage query={route.query} />;
    case 'key':
      return <KeyPage query={route.query} />;
    case 'events':
      return <EventsPage query={route.query} />;
    case 'faults':
      return <FaultsPage />;
    case 'runs':
      return <RunsPage />;
  }
}

/** A screen reader hears of another page, and goes on reading there; not of the first one. */
function useTitle(page: Page) {
  const heading = useRef<HTMLHeadingElement>(null);
  const last = useRef<Page>(page);
  useEffect(() => {
    document.title = `${TITLES[page]} – Tidemark console`;
    if (last.current !== page) heading.current?.focus();
    last.current = page;
  }, [page]);
  return heading;
}

/** The address after `#` is the route's: the link must not change it. */
function skip(event: { preventDefault: () => void }, heading: HTMLElement | null): void {
  event.preventDefault();
  heading?.focus();
}
