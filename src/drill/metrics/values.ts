import type { LedgerValue } from '../../ledger/entry.ts';

/** A mapping in an entry. */
export type Data = { readonly [key: string]: LedgerValue };

/** What an entry may hold under a key: a value, or nothing at all. */
export type Held = LedgerValue | undefined;

/** The value as a mapping; an empty one for anything else. */
export function mapping(value: Held): Data {
  return value !== null && typeof value === 'object' && !isList(value) ? value : {};
}

/** The value as a list; an empty one for anything else. */
export function list(value: Held): readonly LedgerValue[] {
  return isList(value) ? value : [];
}

/** The value as text; empty for anything else. */
export function text(value: Held): string {
  return typeof value === 'string' ? value : '';
}

/** The texts of a list of texts. */
export function texts(value: Held): string[] {
  return list(value).map(text);
}

/** The value as a number that can be reckoned with, or `undefined`. */
export function number(value: Held): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** The value as a count; 0 for anything else. */
export function count(value: Held): number {
  return Math.max(0, number(value) ?? 0);
}

/** The sum of numbers. */
export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** Each value once, in order of first appearance. */
export function unique<T>(values: Iterable<T>): T[] {
  return [...new Set(values)];
}

/** One text for equal values, whatever the order of their keys; lists of texts count as sets. */
export function canonical(value: Held): string {
  if (isList(value)) {
    const parts = value.map(canonical);
    return `[${(value.every((part) => typeof part === 'string') ? parts.sort() : parts).join(',')}]`;
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  const parts = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${parts.map(([key, part]) => `${JSON.stringify(key)}:${canonical(part)}`).join(',')}}`;
}

function isList(value: Held): value is readonly LedgerValue[] {
  return Array.isArray(value);
}
