import type { DataFolder } from '../paths.js';
import type { Ports } from '../ports.js';
import type { ComponentName } from '../process/component.js';

/** What every server needs to know about the stack it belongs to. */
export interface ServerContext {
  readonly ports: Ports;
  /** The environment of every child; it carries the stack's marker. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stackId: string;
  folder(name: DataFolder): string;
  log(name: ComponentName): string;
}
