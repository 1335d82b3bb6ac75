import type { Component } from '../../stack/process/component.js';

const living = new Set<Component>();
let listening = false;

/** A test process that ends early takes its servers with it. */
export function killAtExit(...components: Component[]): void {
  for (const component of components) living.add(component);
  if (listening) return;
  listening = true;
  process.on('exit', () => {
    for (const { pid } of living) if (pid !== undefined) kill(pid);
  });
}

function kill(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}
