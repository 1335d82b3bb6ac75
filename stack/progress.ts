import { MultiBar, type SingleBar } from 'cli-progress';

/** One line of the start: a component or an installation. */
export interface Step {
  /** `share` from 0 to 1. */
  update(text: string, share?: number): void;
  done(text: string): void;
  fail(text: string): void;
}

export interface Progress {
  step(name: string): Step;
  note(text: string): void;
  close(): void;
}

/** Bars on a terminal, plain lines anywhere else. */
export function progressOn(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? barsOn(stream) : linesOn((line) => stream.write(`${line}\n`));
}

/** A line says something new, not only another number: those come at most every few seconds. */
const SAME_PHASE_EVERY_MS = 4_000;

export function linesOn(print: (line: string) => void): Progress {
  return {
    step(name) {
      let lastPhase = '';
      let lastAt = -Infinity;
      const say = (text: string): void => {
        const phase = text.replaceAll(/\d+/g, '#');
        const now = performance.now();
        if (phase === lastPhase && now - lastAt < SAME_PHASE_EVERY_MS) return;
        print(`${name}: ${text}`);
        lastPhase = phase;
        lastAt = now;
      };
      return { update: (text) => say(text), done: say, fail: say };
    },
    note: (text) => print(text),
    close: () => undefined,
  };
}

function barsOn(stream: NodeJS.WriteStream): Progress {
  const bars = new MultiBar({
    stream,
    format: ' {name} {bar} {text}',
    barsize: 20,
    hideCursor: true,
    clearOnComplete: false,
    forceRedraw: true,
    gracefulExit: false,
  });
  let open = true;
  return {
    step(name) {
      const bar: SingleBar = bars.create(100, 0, { name: name.padEnd(12), text: 'waiting' });
      const show = (text: string, share: number): void =>
        bar.update(Math.round(share * 100), { text: text.slice(0, 90) });
      let reached = 0;
      return {
        update(text, share = reached) {
          reached = share;
          show(text, share);
        },
        done: (text) => show(text, 1),
        fail: (text) => show(text, reached),
      };
    },
    note(text) {
      if (open) bars.log(`${text}\n`);
      else stream.write(`${text}\n`);
    },
    close() {
      if (open) bars.stop();
      open = false;
    },
  };
}

/** Says nothing: for tests. */
export const silent: Progress = linesOn(() => undefined);
