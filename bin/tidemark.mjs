#!/usr/bin/env node
/** The command line: registers the TypeScript loader in this process and hands over. */
import { register } from 'tsx/esm/api';

register();
await import('../src/cli/main.ts');
