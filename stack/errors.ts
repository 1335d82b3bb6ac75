/** Every way in which the stack can refuse or fail, with a code that stays the same from release to release. */
export const STACK_ERRORS = {
  STACK_PLATFORM: 'The operating system or processor has no binaries of one of the servers.',
  STACK_SETTING_INVALID: 'An environment variable has a value that cannot be used.',
  STACK_PORT_IN_USE: 'A port that the stack needs is taken by another program.',
  STACK_TOOL_MISSING: 'A program that must be installed by hand (JDK, Maven, Python with pip) is missing or too old.',
  STACK_DISK_FULL: 'Too little free space for the data folder or the cache.',
  STACK_FOLDER_CLOSED: 'A folder cannot be written, or the user that runs Postgres cannot enter it.',
  STACK_INSTALL_FAILED: 'A server could not be fetched from its package registry.',
  STACK_ALREADY_RUNNING: 'Another launcher runs a stack on the same data folder.',
  STACK_NOT_READY: 'A component did not become ready within its limit.',
  STACK_COMPONENT_FAILED: 'A component ended again and again and was given up.',
  STACK_BUILD_FAILED: 'Our own programs could not be compiled from their sources.',
  STACK_CONSOLE_FAILED: 'The console could not be built from its sources.',
  STACK_CONNECTOR_FAILED: 'The change data capture connector could not be registered or does not stream.',
  STACK_STOPPED: 'The stack was told to stop while it was starting.',
} as const;

export type StackErrorCode = keyof typeof STACK_ERRORS;

/** A failure whose message is one sentence that says what to do. */
export class StackError extends Error {
  constructor(
    readonly code: StackErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'StackError';
  }
}

/** The one sentence to print for anything that was thrown. */
export function sentenceOf(error: unknown): string {
  if (error instanceof StackError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
