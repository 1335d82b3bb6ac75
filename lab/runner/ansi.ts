/** Colours of a terminal. Pure. */
const CODES = { bold: 1, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Colour = keyof typeof CODES;

export const inColour = (colour: Colour, text: string): string => `\u001b[${CODES[colour]}m${text}\u001b[0m`;
