import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.js';
import { createClient } from './client.js';
import { TokenStore } from './token.js';
import './style.css';

function sessionStorageOrNone(): Storage | null {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}

const tokens = new TokenStore(sessionStorageOrNone());
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
// Beside the console, under whatever path a proxy gives both.
const client = createClient(new URL('../graphql', document.baseURI).href, tokens);
createRoot(root).render(
  <StrictMode>
    <App client={client} tokens={tokens} />
  </StrictMode>,
);
