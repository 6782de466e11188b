import { ERROR_CATALOGUE, type ErrorCode } from './catalogue.ts';
import type { ErrorKind } from './kinds.ts';

/** Where in a file the trouble is; line and column count from 1. */
export interface Position {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/** What a `RotctlError` carries besides its message. */
export interface ErrorDetails {
  readonly at?: Position;
  /** What to do about this very case; without it the catalogue's remedy is printed. */
  readonly hint?: string;
  /** The next command to type. */
  readonly next?: string;
  readonly cause?: unknown;
}

/**
 * The one base error. `code` is stable; the message is lower case, without a full stop, names the field, the rule
 * and the value got, and never holds a secret. A probe that ran and got a bad answer is a verdict, not an error.
 */
export class RotctlError extends Error {
  readonly code: ErrorCode;
  readonly at: Position | undefined;
  readonly hint: string;
  readonly next: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'RotctlError';
    this.code = code;
    this.at = details.at;
    this.hint = details.hint ?? ERROR_CATALOGUE[code].remedy;
    this.next = details.next;
  }

  get kind(): ErrorKind {
    return ERROR_CATALOGUE[this.code].kind;
  }

  get exitCode(): number {
    return ERROR_CATALOGUE[this.code].exit;
  }

  /** `file:line:column`, as much of it as is known. */
  get position(): string | undefined {
    if (this.at === undefined) return undefined;
    return [this.at.file, this.at.line, this.at.column].filter((part) => part !== undefined).join(':');
  }
}
