/** Clients: they ask any server for results, listings and searches, and write down what they were told, and when. */
import type { SharedContract } from '../../../src/contract/field.js';
import type { ServedList, ServedRow } from '../../../src/contract/reader.js';
import { Ledger } from '../../../src/contract/ledger.js';
import type { Errand } from '../../../src/contract/router.js';
import { NO_DEMAND, requirementOf, type Demand } from '../../../src/planner/requirement.js';
import type { ResultKey } from '../../../src/position/commit-log.js';
import type { ConsistencyScope, ProcessingEngine, Store } from '../../../src/words.js';
import type { Answer, Claim, Contract, Instant, Poll } from '../../history/types.js';
import { fallbackUpgrades, foreignToken } from '../bugs.js';
import { broken, demandAtRandom } from '../demands.js';
import type { Server } from '../server.js';
import type { World } from '../world.js';
import { KIND } from './engine.js';
import { EPOCH_MS, type Source } from './source.js';

const SCOPES: readonly ConsistencyScope[] = ['STRONG', 'EVENTUAL', 'EVENTUAL', 'SEARCH'];
const ENGINES: readonly ProcessingEngine[] = ['KAFKA_ONLY', 'FLINK'];

/** What the clients have seen: the part of a history that is theirs. */
export class Record {
  readonly answers: Answer[] = [];
  readonly polls: Poll[] = [];

  constructor(private readonly world: World) {}

  /** The recorder looks at Postgres in no time: it knows exactly what was current when. */
  look(): Instant {
    const { sim, postgres } = this.world;
    const mono = sim.now;
    const pgUs = postgres.options.nowUs();
    this.polls.push({ type: 'poll', sent: mono, received: mono, pgUs, position: Number(postgres.clock.position) });
    return { mono, wall: EPOCH_MS + mono };
  }
}

const contractOf = (contract: SharedContract, isNull: boolean): Contract => ({
  level: contract.confidenceLevel,
  scope: contract.consistencyScope,
  servedBy: contract.servedBy,
  position: isNull ? null : Number(contract.position),
  provenAt: contract.provenAt === null ? null : Number(contract.provenAt),
  asOf: contract.asOf,
  sourceAsOf: contract.sourceAsOf,
  // The answer is sent now.
  stalenessMs: contract.stalenessMs.toJSON(),
  stale: contract.stale,
  lastCheckpointTime: contract.lastCheckpointTime,
  lastCdcSyncTime: contract.lastCdcSyncTime,
  reasons: contract.reasons.map(({ code }) => code),
});

const rowClaim = ({ kind, engine, businessKey }: ResultKey, { row, contract }: ServedRow): Claim => ({
  subject: 'row',
  kind,
  engine,
  businessKey,
  value: row === null || row.deleted ? null : row.calculatedValue,
  contract: contractOf(contract, row === null),
});

export class Client {
  private asked = 0;
  /** What this session was shown so far. */
  private token: { readonly incarnation: string; readonly position: number } | null = null;

  constructor(
    private readonly world: World,
    private readonly source: Source,
    private readonly servers: () => readonly Server[],
    private readonly record: Record,
    readonly session: string,
    private readonly everyMs: number,
  ) {}

  /** Asks now and then, for as long as the run lasts. */
  begin(wanted: () => boolean): void {
    const { sim } = this.world;
    sim.after(sim.random.latency(this.everyMs), '', () => {
      if (!wanted()) return;
      const server = this.servers().filter(({ process }) => process.running);
      if (server.length > 0) void this.ask(sim.random.pick(server));
      this.begin(wanted);
    });
  }

  private ask(server: Server): Promise<void> {
    const { random } = this.world.sim;
    const scope = random.pick(SCOPES);
    const engine = random.pick(ENGINES);
    if (random.chance(0.25)) return this.list(server, engine, scope);
    const keys = this.source.keys.slice(-5);
    if (keys.length === 0) return Promise.resolve();
    const businessKeys = random.chance(0.3) ? [random.pick(keys), random.pick(keys)] : [random.pick(keys)];
    return this.rows(
      server,
      businessKeys.map((businessKey) => ({ kind: KIND, engine, businessKey })),
      scope,
    );
  }

  /** @param only from this store and no other */
  rows(server: Server, keys: readonly ResultKey[], scope: ConsistencyScope, only?: Store): Promise<void> {
    return this.answered(server, scope, only !== undefined, async (errand) => {
      const reader = server.reader();
      const one = (key: ResultKey): Promise<ServedRow> =>
        only === undefined ? reader.row(key, errand) : reader.rowFrom(only, key);
      const served = await Promise.all(keys.map(one));
      return served.map((row, i) => rowClaim(keys[i] as ResultKey, row));
    });
  }

  private list(server: Server, engine: ProcessingEngine, scope: ConsistencyScope): Promise<void> {
    const symbol = this.world.sim.random.pick(['A', 'B', 'C']);
    const query = { kind: KIND, engine, equals: { symbol }, orderBy: 'window_start', descending: false, limit: 501 };
    return this.answered(server, scope, false, async (errand) => {
      const { rows, contract }: ServedList = await server.reader().list(query, errand);
      const members = rows.flatMap(({ row }) => (row === null ? [] : [row.businessKey]));
      const set: Claim = {
        subject: 'set',
        kind: KIND,
        engine,
        where: { symbol },
        complete: true,
        members,
        contract: contractOf(contract, true),
      };
      return [set, ...rows.flatMap((one) => (one.row === null ? [] : [rowClaim(one.row, one)]))];
    });
  }

  private async answered(
    server: Server,
    asked: ConsistencyScope,
    plain: boolean,
    ask: (errand: Errand) => Promise<Claim[]>,
  ): Promise<void> {
    const { random } = this.world.sim;
    const demand: Demand | null = plain || random.chance(0.5) ? null : demandAtRandom(random, asked, this.token);
    let met = true;
    let told = 0;
    const ledger = new Ledger();
    const errand: Errand = {
      requirement: requirementOf(demand ?? { ...NO_DEMAND, scope: asked }, 400),
      tell: (taken) => {
        met &&= taken.met;
        ledger.routed(String(told++), taken);
      },
    };
    this.asked += 1;
    const id = this.record.answers.length * 10 + this.asked / 1e6;
    const carried = this.seeded(errand);
    const started = this.record.look();
    const back = this.world.postgresBackMs;
    const claims = await ask(carried).catch(() => null);
    // If Postgres' clock was set back meanwhile, nobody can say how old the answer was when it was sent.
    if (claims === null || this.world.postgresBackMs !== back) return;
    const ended = this.record.look();
    // What has grown too old by the time when it is sent is not given, or called unmet.
    if ([...ledger.outgrown()].length > 0) {
      if (demand?.onUnmet !== 'FALLBACK') return;
      met = false;
    }
    if (demand !== null)
      for (const sentence of broken(demand, met, claims)) this.world.found(`requirement: ${sentence}`);
    this.remember(claims);
    const heard = claims.map((c) => `${c.contract.servedBy} ${c.contract.level} @${c.contract.provenAt}`).join(', ');
    this.world.sim.note(`${this.session} hears ${server.name}: ${heard}`);
    this.record.answers.push({
      type: 'answer',
      id,
      session: this.session,
      server: server.name,
      started,
      ended,
      query: '',
      asked,
      atLeast: demand?.atLeast !== undefined && demand.atLeast !== null && met ? Number(demand.atLeast.position) : null,
      claims,
    });
  }

  private seeded(errand: Errand): Errand {
    const { bug, postgres } = this.world;
    if (bug === 'foreign-token') return foreignToken(errand, postgres.clock.incarnation);
    return bug === 'fallback-upgrades' ? fallbackUpgrades(errand) : errand;
  }

  private remember(claims: readonly Claim[]): void {
    const { incarnation } = this.world.postgres.clock;
    const shown = claims.map(({ contract }) => Math.max(contract.provenAt ?? 0, contract.position ?? 0));
    this.token = { incarnation, position: Math.max(this.token?.position ?? 0, ...shown) };
  }
}
