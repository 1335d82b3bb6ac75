/**
 * The server's token, as the reader entered it: kept for this tab alone (sessionStorage), or where that is closed in memory.
 * It is never written into an address.
 */
const KEY = 'tidemark-token';

/** What of sessionStorage is used. */
export interface Keep {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export class TokenStore {
  private value: string | null;

  constructor(private readonly storage: Keep | null) {
    this.value = quietly(() => storage?.getItem(KEY) ?? null);
  }

  get token(): string | null {
    return this.value;
  }

  set(token: string): void {
    this.value = token;
    quietly(() => this.storage?.setItem(KEY, token));
  }

  forget(): void {
    this.value = null;
    quietly(() => this.storage?.removeItem(KEY));
  }
}

/** A browser may refuse its storage. */
function quietly<T>(act: () => T): T | null {
  try {
    return act();
  } catch {
    return null;
  }
}
