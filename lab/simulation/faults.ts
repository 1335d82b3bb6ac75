/** What goes wrong, when, and when it is over: drawn from the seed. Each says that it happened only when it did. */
import type { CrashPoint } from '../../src/ingest/commit.js';
import type { Engine } from './actors/engine.js';
import type { Fate } from './process.js';
import { READ_MODELS, type World } from './world.js';
import type { Server, ServerLink } from './server.js';

export interface Stage {
  readonly world: World;
  readonly servers: () => readonly Server[];
  /** A new process in the place of one that is gone. */
  readonly restart: (server: Server) => void;
  readonly engines: { readonly kafkaOnly: Engine; readonly flink: Engine };
}

/** @returns ends it; undefined: it is over at once */
type Fault = (stage: Stage, lastsMs: number) => (() => void) | undefined;

const CRASH_POINTS: readonly CrashPoint[] = ['copied', 'locked', 'written', 'committed'];
export const CRASH_FAULTS = CRASH_POINTS.map((point) => `crash at ${point}`);

const anyServer = ({ world, servers }: Stage): Server | undefined => {
  const running = servers().filter(({ process }) => process.running);
  return running.length === 0 ? undefined : world.sim.random.pick(running);
};

const onServer =
  (name: string, fault: (server: Server, stage: Stage, lastsMs: number) => (() => void) | undefined): Fault =>
  (stage, lastsMs) => {
    const server = anyServer(stage);
    if (server === undefined) return undefined;
    stage.world.fired(name);
    return fault(server, stage, lastsMs);
  };

const onLink = (
  name: string,
  to: ServerLink,
  fault: (link: ReturnType<Server['link']>, until: number) => void,
): Fault =>
  onServer(name, (server, { world }, lastsMs) => {
    fault(server.link(to), world.sim.now + lastsMs);
    return () => server.link(to).heal();
  });

const crashAt =
  (point: CrashPoint): Fault =>
  (stage) => {
    const server = anyServer(stage);
    if (server === undefined) return undefined;
    server.crashAt = point;
    // It may never come there; if it did, somebody starts it again.
    return () => (server.process.alive ? void (server.crashAt = null) : stage.restart(server));
  };

const storeCrash =
  (store: (typeof READ_MODELS)[number]): Fault =>
  ({ world, servers }, lastsMs) => {
    const links = servers().map((server) => server.link(store));
    const lost = world.disk(store).rollBack();
    world.fired(lost > 0 ? `${store} crashes and loses what was not acknowledged` : `${store} crashes`);
    for (const link of links) {
      link.reset();
      link.failingUntil = world.sim.now + lastsMs;
    }
    return () => links.forEach((link) => link.heal());
  };

const cut = (how: Fate): Fault =>
  onServer(`connection to Postgres lost with a ${how}`, (server) => void server.link('postgres').failNext(how));

/** Whether it has happened nobody is told: the redelivery finds out. It fires when the next commit comes. */
const commitLost =
  (how: Fate): Fault =>
  (stage) => {
    anyServer(stage)?.link('postgres').failNext(how, 'commit');
    return undefined;
  };

export const FAULTS: Readonly<Record<string, Fault>> = {
  'server crashes': onServer('server crashes', (server, { restart }) => {
    server.process.crash();
    return () => restart(server);
  }),
  ...Object.fromEntries(CRASH_POINTS.map((point) => [`crash at ${point}`, crashAt(point)])),
  'server sleeps': onServer('server sleeps', (server) => {
    server.process.pause();
    return () => server.process.resume();
  }),
  'postgres request lost': cut('request'),
  'postgres reply lost': cut('reply'),
  'commit request lost': commitLost('request'),
  'commit reply lost': commitLost('reply'),
  'postgres cut': onLink('Postgres cut off', 'postgres', (link, until) => (link.failingUntil = until)),
  'postgres slow': onLink('Postgres far away', 'postgres', (link, until) => (link.stalledUntil = until)),
  'proofs fail': onLink('proofs fail', 'proof', (link, until) => (link.failingUntil = until)),
  'kafka cut': onLink('Kafka cut off', 'kafka', (link, until) => (link.failingUntil = until)),
  'kafka slow': onLink('Kafka far away', 'kafka', (link, until) => (link.stalledUntil = until)),
  ...Object.fromEntries(READ_MODELS.map((store) => [`${store} crashes`, storeCrash(store)])),
  ...Object.fromEntries(
    READ_MODELS.map((store) => [
      `${store} slow`,
      onLink(`${store} far away`, store, (link, until) => (link.stalledUntil = until)),
    ]),
  ),
  wipe: ({ world }) => {
    const store = world.sim.random.pick(READ_MODELS);
    world.fired('read model wiped');
    world.disk(store).wipe();
    return undefined;
  },
  rebalance: ({ world }) => {
    world.fired('rebalance');
    for (const group of [world.groups.ingest, ...READ_MODELS.map(world.groups.cdc)]) group.rebalance();
    return undefined;
  },
  'cdc paused': ({ world }) => {
    world.fired('CDC paused');
    world.connector.pause();
    return () => world.connector.resume();
  },
  'cdc redelivers': ({ world }) => {
    world.fired('CDC redelivers');
    world.connector.crash();
    return undefined;
  },
  'cdc topic pruned': ({ world }) => {
    world.fired('CDC topic pruned');
    world.cdc.prune(world.cdc.high);
    return undefined;
  },
  'postgres clock back': ({ world }, lastsMs) => {
    world.fired("Postgres' clock goes back");
    world.postgresBackMs = lastsMs;
    return undefined;
  },
  'wall clock jumps': ({ world }, lastsMs) => {
    world.fired("the servers' wall clock jumps");
    world.wallOffMs = world.sim.random.chance(0.5) ? lastsMs * 10 : -lastsMs * 10;
    return undefined;
  },
  'kafka-only engine crashes': ({ world, engines }) => {
    world.fired('the Kafka-only engine crashes');
    engines.kafkaOnly.crash();
    return undefined;
  },
  'flink aborts': ({ world, engines }) => {
    world.fired('a Flink attempt is aborted');
    engines.flink.crash();
    return undefined;
  },
};

/** What every sufficiently long series of runs must have met. */
export const FIRED = [
  'server crashes',
  ...CRASH_FAULTS,
  'server sleeps',
  'connection to Postgres lost with a request',
  'connection to Postgres lost with a reply',
  'commit cut off: it had happened',
  'commit cut off: it had not',
  'Postgres cut off',
  'Postgres far away',
  'proofs fail',
  'Kafka cut off',
  'Kafka far away',
  ...READ_MODELS.flatMap((store) => [`${store} crashes`, `${store} crashes and loses what was not acknowledged`]),
  ...READ_MODELS.map((store) => `${store} far away`),
  'read model wiped',
  'rebalance',
  'CDC paused',
  'CDC redelivers',
  'CDC topic pruned',
  "Postgres' clock goes back",
  "the servers' wall clock jumps",
  'the Kafka-only engine crashes',
  'a Flink attempt is aborted',
  'commit log pruned',
] as const;

/** Draws the faults of a run. All are over at `endMs`. */
export function plan(stage: Stage, endMs: number): void {
  const { sim } = stage.world;
  const names = Object.keys(FAULTS);
  const count = 1 + sim.random.below(5);
  for (let n = 0; n < count; n += 1) {
    const fault = FAULTS[sim.random.pick(names)] as Fault;
    const at = sim.random.between(100, endMs * 0.8);
    const lastsMs = Math.min(sim.random.between(50, 800), endMs - at);
    sim.after(at, '', () => {
      const heal = fault(stage, lastsMs);
      if (heal !== undefined) sim.after(lastsMs, 'heals', heal);
    });
  }
}
