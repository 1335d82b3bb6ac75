import { labCatalogue, type LabTarget } from '../faults/index.js';
import { VICTIMS, type FlinkJob, type Victim } from '../faults/fault.js';
import type { Link } from '../faults/link.js';
import { SCENARIOS, scenarioNamed } from './scenarios.js';

const victim = {} as Victim;
const victims = Object.fromEntries([...VICTIMS, 'jobmanager', 'taskmanager'].map((name) => [name, victim]));
const target = {
  ...{ processes: victims, connectUrl: '', postgresUrl: '', kafkaBrokers: '', graphqlUrl: '' },
  flink: {} as FlinkJob,
  links: { postgres: {} as Link, mongodb: {} as Link, elasticsearch: {} as Link, clickhouse: {} as Link },
  clocks: { server: '', processor: '' },
} as unknown as LabTarget;
const names = labCatalogue(target).map(({ name }) => name);

test('each scenario has faults, and each fault has a scenario besides those that have all', () => {
  for (const { name, has } of SCENARIOS) expect([name, names.filter(has).length]).not.toEqual([name, 0]);
  const some = SCENARIOS.filter(({ name }) => name !== 'all' && name !== 'mixed');
  expect(names.filter((fault) => !some.some(({ has }) => has(fault)))).toEqual([]);
});

test('a scenario is known by its name alone', () => {
  expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
  expect(scenarioNamed('cdc-pause')?.has('cdc-pause')).toBe(true);
  expect(scenarioNamed('cdc-pause')?.has('cdc-stop')).toBe(false);
  expect(scenarioNamed('nothing')).toBeUndefined();
});
