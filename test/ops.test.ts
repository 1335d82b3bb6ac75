/** What is in ops/ fits this server: expressions parse, metrics and labels exist, runbooks are headings of the manual. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parser } from '@prometheus-io/lezer-promql';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { parse } from 'yaml';
import { auditMetrics } from '../src/auditing.js';
import { createExpiryJob } from '../src/expire.js';
import { livenessMetrics } from '../src/monitor/liveness-metrics.js';
import { monitorMetrics } from '../src/monitor/metrics.js';
import { CONDITION_NAMES } from '../src/monitor/conditions.js';
import { ingestMetrics } from '../src/server/ingest-metrics.js';
import { registerMetrics } from '../src/server/metrics.js';
import { storeMetrics } from '../src/server/store-metrics.js';
import { troubleMetrics } from '../src/server/trouble-metrics.js';

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8');

/** As compose.ts registers them, over parts that say nothing. */
function registered(): Map<string, readonly string[]> {
  const registry = new Registry();
  registerMetrics(registry).connections(() => 0);
  ingestMetrics(registry);
  troubleMetrics(registry, new Map());
  monitorMetrics(registry, {
    figures: () => null,
    judgements: () => new Map(),
    activities: () => new Map(),
    restAnswers: () => null,
    stop: async () => undefined,
  });
  livenessMetrics(registry, { all: () => [], offset: () => null, retainedBytes: () => null });
  storeMetrics(registry, {
    statuses: async () => [],
    prove: () => Promise.reject(new Error('nobody')),
    now: () => null,
    staleMs: 1,
    monotonicMs: () => 0,
  });
  auditMetrics(registry, pino({ level: 'silent' }));
  createExpiryJob({ pool: {} as Pool, models: [], retentionMs: 1, registry, log: pino({ level: 'silent' }) });
  const names = new Map<string, readonly string[]>();
  for (const { name } of registry.getMetricsAsArray() as unknown as { name: string }[]) {
    const metric = registry.getSingleMetric(name) as unknown as {
      labelNames?: string[];
      constructor: { name: string };
    };
    const labels = metric.labelNames ?? [];
    names.set(name, labels);
    if (metric.constructor.name !== 'Histogram') continue;
    for (const suffix of ['_bucket', '_count', '_sum']) names.set(name + suffix, [...labels, 'le']);
  }
  return names;
}

/** The metrics and labels that an expression names; throws where it does not parse. */
function named(expression: string): { metrics: string[]; labels: string[] } {
  // Grafana's own variables stand for a duration.
  const text = expression.replaceAll('$__rate_interval', '5m');
  const metrics: string[] = [];
  const labels: string[] = [];
  parser.parse(text).iterate({
    enter: ({ type, from, to, node }) => {
      if (type.isError) throw new Error(`does not parse at ${from}: ${text}`);
      const word = text.slice(from, to);
      if (type.name === 'Identifier' && node.parent?.name === 'VectorSelector') metrics.push(word);
      if (type.name === 'LabelName') labels.push(word);
    },
  });
  return { metrics, labels };
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}
const groups = (parse(read('ops/alerts.yml')) as { groups: { name: string; rules: Rule[] }[] }).groups;
const rules = groups.flatMap((group) => group.rules);
interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}
const { panels } = JSON.parse(read('ops/dashboard.json')) as { panels: Panel[] };
const expressions = [
  ...rules.map(({ expr }) => expr),
  ...panels.flatMap(({ targets = [] }) => targets.map((t) => t.expr)),
];

/** Of the target that is scraped, not of the metric. */
const OF_PROMETHEUS = ['instance', 'job'];

test('every expression of the rules and the dashboard parses, and names metrics and labels that the server has', () => {
  const known = registered();
  expect(expressions.length).toBeGreaterThan(50);
  const wrong = expressions.flatMap((expression) => {
    const { metrics, labels } = named(expression);
    const allowed = new Set([...OF_PROMETHEUS, ...metrics.flatMap((metric) => known.get(metric) ?? [])]);
    return [
      ...(metrics.length === 0 ? [`${expression}: no metric`] : []),
      ...metrics.filter((metric) => !known.has(metric)),
      ...labels.filter((label) => !allowed.has(label)).map((label) => `${expression}: ${label}`),
    ];
  });
  expect(wrong).toEqual([]);
});

test('a metric that there is none of, a label that it lacks, and what does not parse would be found', () => {
  expect(named('rate(tidemark_nothing[5m])').metrics).toEqual(['tidemark_nothing']);
  expect(registered().has('tidemark_nothing')).toBe(false);
  expect(named('sum by (colour) (tidemark_store_up{shape="round"})').labels).toEqual(['colour', 'shape']);
  expect(() => named('sum by (le (tidemark_store_up)')).toThrow('does not parse');
});

test('every metric of the server’s own is watched: on the dashboard or by a rule', () => {
  const used = new Set(expressions.flatMap((expression) => named(expression).metrics));
  const own = [...registered().keys()].filter(
    (name) => name.startsWith('tidemark_') && !/_(bucket|count|sum)$/.test(name),
  );
  const watched = (name: string): boolean => [name, `${name}_bucket`, `${name}_count`].some((one) => used.has(one));
  expect(own.filter((name) => !watched(name))).toEqual(['tidemark_ingest_position'].filter((name) => !watched(name)));
});

test('each rule says how urgent it is, what has happened, and where it is told what to do', () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  const headings = read('docs/OPERATIONS.md')
    .split('\n')
    .flatMap((line) => /^#+ (.*)$/.exec(line)?.[1] ?? [])
    .map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^a-z0-9 -]/g, '')
        .replaceAll(' ', '-'),
    );
  for (const { alert, labels, annotations, ...rule } of rules) {
    expect([alert, ['page', 'ticket'].includes(labels.severity)]).toEqual([alert, true]);
    expect([alert, rule.for ?? '0s']).toEqual([alert, expect.stringMatching(/^\d+[sm]$/)]);
    expect(annotations.summary.length).toBeGreaterThan(15);
    const [page, anchor = ''] = annotations.runbook.split('#');
    expect([alert, page, headings.includes(anchor)]).toEqual([alert, 'docs/OPERATIONS.md', true]);
  }
  // Conditions that rules name are conditions that there are.
  const conditions = rules.flatMap(({ expr }) =>
    [...expr.matchAll(/condition[!=]~"([^"]*)"/g)].flatMap(([, all]) => all!.split('|')),
  );
  expect(conditions.filter((name) => !(CONDITION_NAMES as readonly string[]).includes(name))).toEqual([]);
});

test('no two panels lie on one another, and each has a title of its own', () => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  const overlaps = panels.flatMap((a, i) =>
    panels.slice(i + 1).flatMap((b) => {
      const [p, q] = [a.gridPos, b.gridPos];
      const apart = p.x + p.w <= q.x || q.x + q.w <= p.x || p.y + p.h <= q.y || q.y + q.h <= p.y;
      return apart ? [] : [`${a.title} / ${b.title}`];
    }),
  );
  expect(overlaps).toEqual([]);
});
