/** The big comparison is a test of `npm test`, with more events: its report says what came out and how long it took. */
import { REPOSITORY } from '../../stack/paths.js';
import { execa } from 'execa';
import { aboutLines, type About, type Report } from './about.js';

interface JestResult {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly title: string;
      readonly status: string;
      readonly duration?: number | null;
    }[];
  }[];
}

/** Memory of the test: it keeps a digest of each row of each store. */
const HEAP_MB = 8_192;

export async function compareEvents(events: number, about: About): Promise<Report> {
  const began = performance.now();
  const args = ['--experimental-vm-modules', '--no-warnings', `--max-old-space-size=${HEAP_MB}`];
  const jest = ['node_modules/jest/bin/jest.js', '--testPathPatterns', 'test/four-stores', '--runInBand', '--json'];
  // This one alone: what else that file claims is claimed of fewer rows in npm test.
  const title = `${events} events`;
  const { stdout } = await execa(
    process.execPath,
    [...args, ...jest, '--testNamePattern', title, '--selectProjects', 'stack'],
    {
      cwd: REPOSITORY,
      stdio: ['ignore', 'pipe', 'inherit'],
      reject: false,
      env: { TIDEMARK_TEST_EVENTS: String(events) },
    },
  );
  const minutes = (performance.now() - began) / 60_000;
  const tests = testsIn(stdout);
  const ok = tests.length > 0 && tests.every(({ status }) => status === 'passed');
  const lines = [
    `# ${events} events, every row of every kind in all four stores against the oracle: ${ok}`,
    '',
    ...aboutLines(about, minutes),
    '',
    '| what was held | came out | seconds |',
    '| --- | --- | --- |',
    ...tests.map(({ title, status, seconds }) => `| ${title} | ${status} | ${seconds} |`),
  ];
  return { ok, markdown: `${lines.join('\n')}\n`, json: { ...about, events, minutes, verdict: String(ok), tests } };
}

function testsIn(stdout: string): { title: string; status: string; seconds: number }[] {
  try {
    return (JSON.parse(stdout) as JestResult).testResults.flatMap(({ assertionResults }) =>
      assertionResults
        .filter(({ status }) => status !== 'pending')
        .map(({ title, status, duration }) => ({ title, status, seconds: Math.round((duration ?? 0) / 1000) })),
    );
  } catch {
    return [];
  }
}
