import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, Info, Query, Resolver } from 'type-graphql';
import { ContractLeaf } from '../contract/field.js';
import { AppError } from '../errors.js';
import { DEFAULT_ENGINE, ProcessingEngineEnum } from '../schema/enums.js';
import { OrderWindow, WINDOW_MS } from '../schema/kinds/order-window.js';
import { kindOf, present } from '../schema/result-kind.js';
import { DateTime } from '../schema/scalars.js';
import { SymbolStatsType } from '../schema/stats-types.js';
import type { ProcessingEngine } from '../words.js';
import { errandAt, orNull, type RequestContext } from './context.js';

/** A history has at most so many windows: a week. */
export const HISTORY_WINDOWS = (7 * 24 * 3_600_000) / WINDOW_MS;

const FROM = { description: 'Inclusive lower bound of a window’s start.' };
const TO = { description: 'Exclusive upper bound of a window’s start.' };

@Resolver()
export class StatsResolver {
  @Query(() => SymbolStatsType, {
    nullable: true,
    description:
      'Figures over the windows of a symbol, from ClickHouse; with @consistency(scope: STRONG) from Postgres.',
  })
  async symbolStats(
    @Arg('symbol', () => String) symbol: string,
    @Arg('from', () => DateTime, FROM) from: string,
    @Arg('to', () => DateTime, TO) to: string,
    @Arg('engine', () => ProcessingEngineEnum, { nullable: true, description: DEFAULT_ENGINE })
    engine: ProcessingEngine | undefined,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<object | null> {
    const path = String(info.path.key);
    const query = { symbol, from, to, engine: await context.reader.engine(engine) };
    const served = await orNull(context.reader.symbolStats(query, errandAt(context, path)));
    if (served === null) return null;
    const { stats, contract } = served;
    context.ledger.add(path, contract);
    const figure = (value: unknown): ContractLeaf => new ContractLeaf(value, contract);
    return {
      ...query,
      windows: figure(stats.windows),
      ordersTotal: figure(stats.ordersTotal),
      ordersBuy: figure(stats.ordersBuy),
      ordersSell: figure(stats.ordersSell),
      totalAmount: figure(stats.totalAmount),
      minPrice: figure(stats.minPrice),
      maxPrice: figure(stats.maxPrice),
      contract,
    };
  }

  @Query(() => [OrderWindow], {
    nullable: true,
    description:
      'Every window of a symbol that begins in [from, to), oldest first, from ClickHouse; at most a week of them. The contract of the whole is in the extensions.',
  })
  async windowHistory(
    @Arg('symbol', () => String) symbol: string,
    @Arg('from', () => DateTime, FROM) from: string,
    @Arg('to', () => DateTime, TO) to: string,
    @Arg('engine', () => ProcessingEngineEnum, { nullable: true, description: DEFAULT_ENGINE })
    engine: ProcessingEngine | undefined,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<object[] | null> {
    const path = String(info.path.key);
    const limit = windowsIn(from, to);
    const query = { symbol, from, to, limit, engine: await context.reader.engine(engine) };
    const served = await orNull(context.reader.history(query, errandAt(context, path)));
    if (served === null) return null;
    const { rows, contract } = served;
    context.ledger.add(path, contract);
    return rows.flatMap((served, i) => {
      if (served.row === null) return [];
      context.ledger.add(`${path}.${i}`, served.contract);
      return [present(kindOf(OrderWindow), served.row, served.contract)];
    });
  }
}

/** How many windows can begin in the range, at least one; NaN when a bound is no time. */
export const windowsBetween = (from: string, to: string): number =>
  Math.max(1, Math.ceil((Date.parse(to) - Date.parse(from)) / WINDOW_MS));

/** How many windows can begin in the range. Never cut short silently. @throws AppError RANGE_TOO_LONG */
function windowsIn(from: string, to: string): number {
  const windows = windowsBetween(from, to);
  if (windows <= HISTORY_WINDOWS) return windows;
  throw new AppError(
    'RANGE_TOO_LONG',
    `The range holds up to ${windows} windows; ${HISTORY_WINDOWS} are the limit. Ask for a shorter one, or page through orderWindows.`,
    { retryable: false, outcome: 'none' },
  );
}
