import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Runs } from './list.js';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-runs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function put(id: string, json: unknown, html?: string): void {
  mkdirSync(join(folder, id), { recursive: true });
  writeFileSync(join(folder, id, 'report.json'), typeof json === 'string' ? json : JSON.stringify(json));
  if (html !== undefined) writeFileSync(join(folder, id, 'report.html'), html);
}
const report = (date: string) => ({
  ...{ what: 'Lab, cdc', date, verdict: 'true', seed: 1, commit: 'abc', minutes: 2.5, machine: {}, notes: [] },
  ...{ faults: { 'cdc-pause': 2, 'kill kafka': 1 }, claimsChecked: 40, falseClaims: 0, limitsMissed: 1, verdicts: [] },
});

test('the runs of a folder, the newest first, without those that nobody has judged; a page only of one of them', () => {
  expect(new Runs(join(folder, 'none')).list()).toEqual([]);
  put('older', report('2026-01-05T09:00:00.000Z'), '<p>older</p>');
  put('newer', report('2026-01-05T10:00:00.000Z'));
  put('half', '{"what":');
  mkdirSync(join(folder, 'recording'));
  const runs = new Runs(folder);
  expect(runs.list().map(({ id }) => id)).toEqual(['newer', 'older']);
  expect(runs.list()[1]).toEqual({
    ...{ id: 'older', what: 'Lab, cdc', date: '2026-01-05T09:00:00.000Z', verdict: 'true', seed: 1, commit: 'abc' },
    ...{ minutes: 2.5, faults: 3, claims: 40, falseClaims: 0, limitsMissed: 1 },
  });
  expect(runs.page('older')).toBe('<p>older</p>');
  for (const id of ['newer', 'nobody', '..', '../older', 'older/../older', '']) expect(runs.page(id)).toBeNull();
});
