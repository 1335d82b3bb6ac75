/**
 * Which results does the source make in one result partition? Asked after output was lost there (ADR 19): a result whose only
 * record was lost has no row, so nothing that is stored leads to it. Keys leave in pages, so that memory does not grow with them.
 */
import type { OrderEvent } from '../../wire/event.js';
import { partitionOf } from '../../wire/partition.js';
import type { Settings } from '../../fold/settings.js';
import { REPROCESSABLE } from './fold.js';
import type { EventPlace, KindKeys } from './kind.js';

/** A result that the source makes. */
export interface Made {
  readonly kind: string;
  readonly businessKey: string;
  readonly symbol: string;
  readonly partition: number;
  /** Its newest event so far. */
  readonly offset: number;
  /** ISO-8601. */
  readonly eventTime: string;
}

/** Distinct results of one page. */
export const PAGE_KEYS = 2_000;

export class Census {
  readonly #keys: readonly (readonly [string, KindKeys])[];
  readonly #symbols = new Map<string, number>();
  readonly #moved = new Set<string>();
  #page = new Map<string, Made>();

  /** @param page takes a page; nothing more is taken until it has resolved */
  constructor(
    settings: Settings,
    private readonly at: { readonly resultPartition: number; readonly resultPartitions: number },
    private readonly page: (made: readonly Made[]) => Promise<void>,
  ) {
    this.#keys = [...REPROCESSABLE].map(([kind, { keys }]) => [kind, keys(settings)]);
  }

  /** Symbols with events in several source partitions: in which order they come nobody knows. */
  get moved(): readonly string[] {
    return [...this.#moved];
  }

  /** Events of a partition come in offset order, from its first one. */
  take(event: OrderEvent, eventTimeMs: number, { partition, offset }: EventPlace): void | Promise<void> {
    const { symbol } = event;
    if (partitionOf(symbol, this.at.resultPartitions) !== this.at.resultPartition) return;
    const known = this.#symbols.get(symbol);
    if (known === undefined) this.#symbols.set(symbol, partition);
    else if (known !== partition) this.#moved.add(symbol);
    for (const [kind, keysOf] of this.#keys) {
      for (const businessKey of keysOf(event, eventTimeMs, { partition, offset })) {
        const eventTime = new Date(eventTimeMs).toISOString();
        this.#page.set(`${kind} ${businessKey}`, { kind, businessKey, symbol, partition, offset, eventTime });
      }
    }
    if (this.#page.size >= PAGE_KEYS) return this.flush();
  }

  /** The last page. */
  async flush(): Promise<void> {
    const made = [...this.#page.values()];
    this.#page = new Map();
    if (made.length > 0) await this.page(made);
  }
}
