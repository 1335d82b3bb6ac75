/**
 * One page that needs nothing else: figures, plots (uPlot) and tables, for whoever opens the file, now or in a year. Pure but for
 * the files that are put into it.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { falseOf, markdownOf, missedLimits, outcomeOf } from '../soak/report.js';
import type { Told } from './files.js';
import { checkersTable, enginesTable, faultsTable, storesTable, type Cell, type Table } from './tables.js';

const library = createRequire(import.meta.url);
const text = (path: string | URL): string => readFileSync(path, 'utf8');
const own = (name: string): string => text(new URL(`./page/${name}`, import.meta.url));

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
export const escapeHtml = (raw: string): string => raw.replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? '');

/** JSON inside a script element: nothing in it may end the element. */
const embedded = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

const cell = (value: Cell): string =>
  typeof value === 'number' ? `<td class="number">${value}</td>` : `<td>${escapeHtml(value)}</td>`;

function tableHtml({ title, note, head, rows }: Table): string {
  const id = title.toLowerCase().replaceAll(/[^a-z]+/g, '-');
  return `<section aria-labelledby="${id}"><h2 id="${id}">${escapeHtml(title)}</h2>
${note === undefined ? '' : `<p class="note">${escapeHtml(note)}</p>`}
<div class="scrolls" tabindex="0" role="region" aria-labelledby="${id}"><table><thead><tr>${head.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join('')}</tr></thead>
<tbody>${rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n')}</tbody></table></div></section>`;
}

const PLOTS: readonly (readonly [id: string, title: string, note: string])[] = [
  [
    'confidence-FLINK',
    'Confidence over time: FLINK',
    'Shares of the claims that were read, by level. Grey: a fault was on.',
  ],
  [
    'confidence-KAFKA_ONLY',
    'Confidence over time: KAFKA_ONLY',
    'Without checkpoints nothing can prove that each event was counted once: HIGH is reached by verification alone.',
  ],
  [
    'lag',
    'Behind Postgres',
    'How long ago what each read model had applied was committed. Milliseconds, on a logarithmic scale.',
  ],
  ['rates', 'Events and accepted results', 'Per second.'],
];

/** Why a run in which nothing was false may still not be true. */
function missedHtml({ judgement }: Told): string {
  const missed = missedLimits(judgement);
  if (missed.length === 0) return '';
  const items = missed.map((what) => `<li>${escapeHtml(what)}</li>`).join('');
  return `<p class="headline">Limits of usefulness were missed: too little was claimed, or too late. On a busy machine the limit of staleness is measured as its load.</p><ul>${items}</ul>`;
}

/** A whole HTML page. */
export function htmlOf(told: Told): string {
  const { run, judgement, figures } = told;
  const outcome = outcomeOf(judgement);
  const claims = judgement.verdicts.find(({ checker }) => checker === 'no-overclaim')?.claims ?? 0;
  const facts: readonly (readonly [string, string])[] = [
    ['Command', run.command],
    ['Date', run.date],
    ['Commit', run.commit],
    ['Seed', String(run.seed)],
    [
      'Machine',
      Object.entries(run.machine)
        .map(([name, value]) => `${name} ${value}`)
        .join(', '),
    ],
    ['Minutes', run.minutes.toFixed(1)],
    ['Faults', String(Object.values(run.faults).reduce((a, b) => a + b, 0))],
    ['Source events', String(judgement.events)],
    ['Accepted transactions', String(judgement.positions)],
    ['Answers', `${judgement.answers}, ${judgement.errors} of them with an error`],
    ['Quiet at the end', judgement.quiet ? 'yes' : 'no'],
  ];
  const plots = PLOTS.filter(([id]) => !id.startsWith('confidence-') || id.slice(11) in figures.confidence);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(run.what)}: ${outcome}</title>
<style>${text(library.resolve('uplot/dist/uPlot.min.css'))}
${own('style.css')}</style></head><body><main>
<h1>${escapeHtml(run.what)}: <span class="outcome ${outcome}">${outcome}</span></h1>
<p class="headline"><strong>${falseOf(judgement)} false of ${claims} claims.</strong> A claim counts once per key, row position and fault; ${judgement.claimsRead} were read.</p>
${missedHtml(told)}
<dl>${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>`).join('\n')}</dl>
${plots.map(([id, title, note]) => `<section><h2 id="title-${id}">${title}</h2><p class="note">${note}</p><figure class="plot" id="${id}" role="img" aria-labelledby="title-${id}"></figure></section>`).join('\n')}
${[enginesTable(figures), faultsTable(figures), storesTable(figures, judgement), checkersTable(judgement)].map(tableHtml).join('\n')}
<section><h2>Everything, as text</h2><details><summary>The same as report.md</summary><pre>${escapeHtml(markdownOf(run, judgement))}</pre></details></section>
</main>
<script type="application/json" id="figures">${embedded(figures)}</script>
<script>${text(library.resolve('uplot/dist/uPlot.iife.min.js'))}</script>
<script>${own('plots.js')}</script>
</body></html>
`;
}
