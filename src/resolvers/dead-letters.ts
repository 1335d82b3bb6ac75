import { Arg, Ctx, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import { AppError } from '../errors.js';
import { DeadLetter, DeadLetterConnection } from '../schema/ledger-types.js';
import { DEAD_LETTER_BYTES, type StoredDeadLetter } from '../stores/port.js';
import { bounded, type RequestContext, type Services } from './context.js';
import { pageById } from './ledger-page.js';

@Resolver()
export class DeadLetterResolver {
  @Query(() => DeadLetterConnection, {
    nullable: true,
    description: 'Records that could not be decoded or stored, newest first.',
  })
  async deadLetters(
    @Arg('state', () => String, { nullable: true, description: 'Only OPEN, REPLAYED or DISMISSED ones.' })
    state: string | undefined,
    @Arg('first', () => Int, { nullable: true, description: 'The first so many, at most 500. Default 50.' })
    first: number | undefined,
    @Arg('after', () => String, { nullable: true, description: 'Only what follows this cursor.' })
    after: string | undefined,
    @Ctx() { services }: RequestContext,
  ): Promise<object> {
    const narrowed = typeof state === 'string' ? { state } : {};
    return pageById(
      services,
      { first, after },
      (page) => services.deadLetters.deadLetters({ ...narrowed, ...page }),
      present,
    );
  }

  @Mutation(() => [DeadLetter], {
    description:
      'Writes undecodable source records again, or takes in results that can be decoded now; answers with the letters as they stand. Only open ones change: doing it twice does no more.',
  })
  async replayDeadLetter(
    @Arg('ids', () => [ID], { description: 'At most 500.' }) ids: string[],
    @Arg('payload', () => String, {
      nullable: true,
      description: 'A mended event, instead of the bytes that could not be decoded. For one record of the source only.',
    })
    payload: string | undefined,
    @Ctx() { services }: RequestContext,
  ): Promise<DeadLetter[]> {
    const asked = idsOf(ids);
    await services.desk.replay(asked, payload ?? undefined);
    return lettersOf(services, asked);
  }

  @Mutation(() => [DeadLetter], {
    description:
      'Says that open dead letters are none of any result: nothing is held against results for them any more. Doing it twice does no more.',
  })
  async dismissDeadLetter(
    @Arg('ids', () => [ID], { description: 'At most 500.' }) ids: string[],
    @Ctx() { services }: RequestContext,
  ): Promise<DeadLetter[]> {
    const asked = idsOf(ids);
    await services.desk.dismiss(asked);
    return lettersOf(services, asked);
  }
}

const MOST_IDS = 500;

/** @throws AppError BAD_DEAD_LETTER_IDS */
function idsOf(ids: readonly string[]): bigint[] {
  if (ids.length === 0 || ids.length > MOST_IDS || !ids.every((id) => /^\d{1,18}$/.test(id))) {
    throw new AppError('BAD_DEAD_LETTER_IDS', `Give 1 to ${MOST_IDS} ids of dead letters.`, {
      retryable: false,
      outcome: 'none',
    });
  }
  return [...new Set(ids)].map(BigInt);
}

/** In the order in which they were named. */
async function lettersOf(services: Services, ids: readonly bigint[]): Promise<DeadLetter[]> {
  const read = await bounded(services, services.deadLetters.deadLetters({ ids, limit: ids.length }));
  const byId = new Map(read.map((letter) => [letter.id, letter]));
  return ids.flatMap((id) => {
    const letter = byId.get(id);
    return letter === undefined ? [] : [present(letter)];
  });
}

const present = (letter: StoredDeadLetter): DeadLetter => ({
  ...letter,
  id: String(letter.id),
  payload: textOf(letter.payload),
  payloadBase64: letter.payload?.toString('base64') ?? null,
  payloadTruncated: letter.truncated,
});

/** The text in the bytes, or null: cut in the middle of a character it is text all the same. */
export function textOf(payload: Buffer | null): string | null {
  if (payload === null) return null;
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    const text = decoder.decode(payload, { stream: payload.length >= DEAD_LETTER_BYTES });
    return text.includes('\u0000') ? null : text;
  } catch {
    return null;
  }
}
