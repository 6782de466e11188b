import * as z from 'zod';
import { nearest } from './nearest.ts';
import { looksRandom } from './secret-text.ts';

const NOUNS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
};
const UNITS: Readonly<Record<string, string>> = { array: ' entries', string: ' characters' };

type RawIssue = z.core.$ZodRawIssue;

/**
 * The rule that a value broke, in the words of the house: lower case, no full stop, nothing of the value itself.
 * Given to zod as its error map; a schema's own message goes before it. For unknown keys it has one line a key.
 */
export function ruleOf(issue: RawIssue): string {
  if (issue.input === undefined && issue.code !== 'custom') return missing(issue);
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(String(issue.expected), issue.input);
    case 'invalid_value':
      return `must be ${oneOf(issue.values)}`;
    case 'invalid_union':
      return issue.discriminator === undefined ? 'has none of the allowed shapes' : missing(issue);
    case 'too_small':
      return `must ${limit(issue.origin)} at least ${String(issue.minimum)}${UNITS[issue.origin] ?? ''}`;
    case 'too_big':
      return `must ${limit(issue.origin)} at most ${String(issue.maximum)}${UNITS[issue.origin] ?? ''}`;
    case 'invalid_format':
      return `must match ${String(issue.pattern ?? issue.format)}`;
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, knownKeys(issue.inst))).join('\n');
    default:
      return 'breaks a rule of its schema';
  }
}

function missing(issue: RawIssue): string {
  if (issue.code === 'invalid_union' && Array.isArray(issue.options)) return `must be ${oneOf(issue.options)}`;
  return issue.code === 'invalid_value' ? `is missing; it must be ${oneOf(issue.values)}` : 'is missing';
}

function wrongType(expected: string, input: unknown): string {
  const scalar = typeof input === 'number' || typeof input === 'boolean' || typeof input === 'bigint';
  if (expected === 'string' && scalar) return 'must be a quoted string';
  return `must be ${NOUNS[expected] ?? expected}`;
}

function oneOf(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.map(String).join(', ')}`;
}

function limit(origin: string): string {
  return origin === 'array' || origin === 'string' ? 'have' : 'be';
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = looksRandom(key) ? undefined : nearest(key, known);
  return near === undefined ? 'is not a known key' : `is not a known key; did you mean ${near}`;
}

function knownKeys(schema: unknown): readonly string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}
