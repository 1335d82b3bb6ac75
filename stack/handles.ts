/** The supervised processes of a stack by their names, as tests and the lab take hold of them. */
import { COMPONENT_NAMES, type Component, type ComponentName } from './process/component.js';
import type { Stack } from './stack.js';

/** Looked up when they are asked for: a program may be started later. @throws Error of one that was not started */
export function handlesOf(stack: Stack): Readonly<Record<ComponentName, Component>> {
  const record = {} as Record<ComponentName, Component>;
  for (const name of COMPONENT_NAMES) {
    Object.defineProperty(record, name, {
      enumerable: true,
      get: () => {
        const component = stack.components.get(name);
        if (component === undefined) throw new Error(`${name} was not started in this stack.`);
        return component;
      },
    });
  }
  return record;
}
