/** @throws {Error} what the compiler says, or that the folder cannot be written */
export function builtPrograms(): string;
