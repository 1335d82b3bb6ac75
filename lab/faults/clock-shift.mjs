/**
 * Moves the wall clock of the process that it is loaded into (`node --import`) by what stands in the file TIDEMARK_LAB_CLOCK,
 * in milliseconds, and says so in `<file>.seen`. The monotonic clock and timers stay as they are, as when somebody sets a clock.
 * Nothing of the program knows of it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setInterval } from 'node:timers';

const file = process.env.TIDEMARK_LAB_CLOCK;
const EVERY_MS = 50;
const Real = Date;
let offsetMs = 0;

function look() {
  try {
    const text = readFileSync(file, 'utf8').trim();
    const wanted = Number(text);
    if (text === '' || !Number.isFinite(wanted)) return;
    offsetMs = wanted;
    writeFileSync(`${file}.seen`, String(wanted));
  } catch {
    // No file: nobody moves the clock.
  }
}

if (file !== undefined) {
  look();
  let last = '';
  setInterval(() => {
    try {
      const text = readFileSync(file, 'utf8');
      if (text !== last) look();
      last = text;
    } catch {
      // As above.
    }
  }, EVERY_MS).unref();
  const now = () => Real.now() + offsetMs;
  globalThis.Date = new Proxy(Real, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget === globalThis.Date ? target : newTarget),
    apply: () => new Real(now()).toString(),
    get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  });
}
