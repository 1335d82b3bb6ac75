/** GraphQL over HTTP as a client does it. */
export interface Answer {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests assert the whole truth of what comes back
  readonly data: any;
  readonly errors?: readonly { message: string; extensions?: { code?: string } }[];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly extensions?: any;
  /** Milliseconds since the epoch by this process' clock, around the request. */
  readonly sentAt: number;
  readonly receivedAt: number;
}

export async function ask(url: string, query: string, variables: Record<string, unknown> = {}): Promise<Answer> {
  const sentAt = Date.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(15_000),
  });
  const body = (await response.json()) as Omit<Answer, 'sentAt' | 'receivedAt'>;
  return { ...body, sentAt, receivedAt: Date.now() };
}

/** All fields of a contract. */
export const CONTRACT = `confidenceLevel consistencyScope processingEngine lastCheckpointTime lastCdcSyncTime asOf sourceAsOf
  stalenessMs stale reasons { code message } servedBy position provenAt`;

export const WINDOW_FIELDS = [
  'symbol',
  'windowStart',
  'windowEnd',
  'ordersTotal',
  'ordersBuy',
  'ordersSell',
  'totalAmount',
  'averagePrice',
  'minPrice',
  'maxPrice',
] as const;

/** A window with every field and its whole contract. */
export const WHOLE_WINDOW = `kind businessKey engine revision final updatedAt
  ${WINDOW_FIELDS.map((field) => `${field} { value ${CONTRACT} }`).join('\n  ')}`;
