import { readFileSync } from 'node:fs';

const LINE = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$/;

/** The variables of an env file, read. */
export type Variables = ReadonlyMap<string, string>;

/** Reads an env file of `NAME=value` lines; other lines are passed over. Throws what `readFileSync` throws. */
export function readEnvFile(path: string): Variables {
  const found = new Map<string, string>();
  for (const line of readFileSync(path, 'utf8').split(/\r?\n/)) {
    const [, name, value] = LINE.exec(line) ?? [];
    if (name !== undefined && value !== undefined) found.set(name, unquote(value));
  }
  return found;
}

/** Writes variables as lines with values in double quotes, `\` and `"` escaped; `comment` becomes the first line. */
export function envText(comment: string, variables: Readonly<Record<string, string>>): string {
  const lines = Object.entries(variables).map(([name, value]) => `${name}="${value.replace(/["\\]/g, '\\$&')}"`);
  return `${[`# ${comment}`, ...lines].join('\n')}\n`;
}

/** The variable's value; throws naming it (never its value) when it is missing or empty. */
export function required(variables: Variables, name: string): string {
  const value = variables.get(name);
  if (value === undefined || value === '') throw new Error(`${name} must be set`);
  return value;
}

/** The variable as a whole number of at least 1; throws naming it otherwise. */
export function requiredNumber(variables: Variables, name: string): number {
  const value = Number(required(variables, name));
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${name} must be a whole number of at least 1`);
  return value;
}

function unquote(value: string): string {
  if (value.length >= 2 && value.startsWith('"') && value.endsWith('"')) {
    return value.slice(1, -1).replace(/\\(["\\])/g, '$1');
  }
  if (value.length >= 2 && value.startsWith("'") && value.endsWith("'")) return value.slice(1, -1);
  return value;
}
