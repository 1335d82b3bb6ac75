/**
 * Tells subscribers of a result that it has changed. What changed is in the proof's read (contract.md §8), which is shared with all
 * requests; a subscriber holds the position that it was told of last and no queue: of several changes it hears the newest.
 */
import type { ResultKey } from '../position/commit-log.js';
import { DEFAULT_TIMEOUT_MS, isFree } from '../planner/requirement.js';
import { mergeTokens, type Token } from '../position/token.js';
import { realAfter, type After } from '../timers.js';
import type { Proof } from './proof-port.js';
import type { Errand } from './router.js';

export interface ChangeFeedOptions {
  /** A proof whose read is sent after the call. */
  readonly prove: () => Promise<Proof>;
  /** Calls `told` whenever results may have changed. */
  readonly listen: (told: () => void) => { stop(): Promise<void> };
  readonly warn: (error: unknown, message: string) => void;
  readonly after?: After;
}

const RETRY_MS = 1_000;

export class ChangeFeed {
  private readonly followers = new Set<KeyFollower>();
  private listening: { stop(): Promise<void> } | null = null;
  private running = false;
  private again = false;
  private cancelRetry = (): void => undefined;

  constructor(private readonly options: ChangeFeedOptions) {}

  get subscribers(): number {
    return this.followers.size;
  }

  /**
   * Tokens that an answer must reflect to show the change: the first one at once, then one for each change, or for several.
   * @throws AppError PROOF_UNAVAILABLE
   */
  async follow(key: ResultKey): Promise<AsyncIterableIterator<Token, undefined>> {
    const follower = new KeyFollower(key, () => this.leave(follower));
    this.followers.add(follower);
    try {
      this.listening ??= this.options.listen(() => void this.look());
      follower.see(await this.options.prove());
      return follower;
    } catch (error) {
      this.leave(follower);
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const follower of [...this.followers]) await follower.return();
    this.cancelRetry();
    await this.listening?.stop();
  }

  private leave(follower: KeyFollower): void {
    this.followers.delete(follower);
    if (this.followers.size > 0) return;
    // Each commit tells: nobody needs to hear it.
    const { listening } = this;
    this.listening = null;
    void listening?.stop();
  }

  /** One look at a time; who is told during one looks once more. */
  private async look(): Promise<void> {
    this.again = true;
    if (this.running) return;
    this.running = true;
    try {
      while (this.again && this.followers.size > 0) {
        this.again = false;
        const proof = await this.options.prove();
        for (const follower of this.followers) follower.see(proof);
      }
    } catch (error) {
      this.options.warn(error, 'changes could not be read: they are read again');
      this.cancelRetry();
      this.cancelRetry = (this.options.after ?? realAfter)(RETRY_MS, () => void this.look());
    } finally {
      this.running = false;
    }
  }
}

class KeyFollower implements AsyncIterableIterator<Token, undefined> {
  private seen: Token | null = null;
  /** Not handed out yet. */
  private unsaid: Token | null = null;
  private ended = false;
  private resume: (() => void) | null = null;

  constructor(
    private readonly key: ResultKey,
    private readonly leave: () => void,
  ) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  see(proof: Proof): void {
    const { seen } = this;
    const { position, incarnation } = proof;
    const change = proof.pending(this.key);
    const since = change?.position ?? proof.floor;
    // Of changes at or below the floor nothing is remembered: there may have been one.
    const changed = seen === null || seen.incarnation !== incarnation || since > seen.position;
    this.seen = { position, incarnation };
    if (!changed) return;
    this.unsaid = { position: since, incarnation };
    this.wake();
  }

  async next(): Promise<IteratorResult<Token, undefined>> {
    while (!this.ended) {
      const { unsaid } = this;
      if (unsaid !== null) {
        this.unsaid = null;
        return { done: false, value: unsaid };
      }
      await new Promise<void>((resolve) => {
        this.resume = resolve;
      });
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.ended = true;
    this.leave();
    this.wake();
    return { done: true, value: undefined };
  }

  private wake(): void {
    const { resume } = this;
    this.resume = null;
    resume?.();
  }
}

/** What is demanded already, and that the change is shown. */
export function reflecting(errand: Errand, token: Token): Errand {
  const { requirement } = errand;
  const atLeast = requirement.atLeast === null ? token : mergeTokens(requirement.atLeast, token);
  const timeoutMs = isFree(requirement) ? DEFAULT_TIMEOUT_MS : requirement.timeoutMs;
  return { ...errand, requirement: { ...requirement, atLeast, timeoutMs } };
}
