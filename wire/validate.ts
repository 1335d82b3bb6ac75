import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

export const SCHEMA_NAMES = ['order-event', 'result', 'control', 'reset'] as const;
export type SchemaName = (typeof SCHEMA_NAMES)[number];

/** The text of a schema as it is committed; its hash is pinned by a test. */
export function schemaText(name: SchemaName): string {
  return readFileSync(new URL(`./schema/${name}.schema.json`, import.meta.url), 'utf8');
}

/** Compiles a schema once; the caller keeps the function. */
export function compileSchema(name: SchemaName): ValidateFunction {
  // strictTypes off: `properties` inside an if/then is read with the type of its parent.
  const ajv = new Ajv2020({ allErrors: false, strictTypes: false, strictRequired: false });
  return ajv.compile(JSON.parse(schemaText(name)) as object);
}

/** Which schema speaks for a message of a result topic. */
export function schemaOf(message: { readonly kind?: unknown }): SchemaName {
  return typeof message.kind === 'string' && message.kind.startsWith('_') ? 'control' : 'result';
}
