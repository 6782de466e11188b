import type * as z from 'zod';
import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { ruleOf } from './rules.ts';
import { looksRandom, namesSecret } from './secret-text.ts';
import type { DocumentPath, SourceDocument } from './source-document.ts';

const SHOWN_VALUE = 60;
const HIDDEN = '(hidden)';

interface Problem {
  readonly path: DocumentPath;
  readonly rule: string;
  readonly offset: number;
  /** Whether it is the key at the path's end that is wrong, so that there is no value to show. */
  readonly ofKey: boolean;
  /** Whether nothing stands at the path, so that the offset is only that of what should hold it. */
  readonly isMissing: boolean;
}

/**
 * Checks a parsed document against a zod schema and returns the schema's output.
 *
 * Throws `INPUT_INVALID` at the file position of the first problem (in the order of the file, what is missing last), with the path, the
 * rule and the value got: `replicas[1].deploy.path: must be a quoted string, got 5 (+2 more)`. Values below keys that
 * name secrets, and values that look random, are shown as `(hidden)`.
 */
export function validate<Schema extends z.ZodType>(document: SourceDocument, schema: Schema): z.output<Schema> {
  const result = schema.safeParse(document.value, { error: ruleOf });
  if (result.success) return result.data;
  const problems = onePerPath(result.error.issues.flatMap((issue) => problemsOf(issue, document)));
  const late = (problem: Problem) => Number(problem.isMissing) || Number(followsFromKey(problem, problems));
  const [first] = problems.toSorted((a, b) => late(a) - late(b) || a.offset - b.offset);
  if (first === undefined) throw new RotctlError('INTERNAL', 'a schema refused a document without a reason');
  const more = problems.length > 1 ? ` (+${problems.length - 1} more)` : '';
  throw new RotctlError('INPUT_INVALID', `${messageOf(first, document)}${more}`, {
    at: document.positionOf(first.offset),
  });
}

/** What a mapping lacks it may lack because a key in it is mistyped. */
function followsFromKey({ path, ofKey }: Problem, problems: readonly Problem[]): boolean {
  const place = JSON.stringify(path);
  return !ofKey && problems.some((other) => other.ofKey && JSON.stringify(other.path.slice(0, -1)) === place);
}

/** A value of the wrong type breaks rules on its length too; the first problem of each place is the one that counts. */
function onePerPath(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ path, ofKey }) => {
    const place = JSON.stringify([path, ofKey]);
    const fresh = !seen.has(place);
    seen.add(place);
    return fresh;
  });
}

function problemsOf(issue: z.core.$ZodIssue, document: SourceDocument): Problem[] {
  const { path, message } = issue;
  if (issue.code === 'unrecognized_keys') {
    const rules = message.split('\n');
    return issue.keys.map((key, index) => ({
      path: [...path, key],
      rule: rules[index] ?? 'is not a known key',
      offset: document.offsetOfKey(path, key),
      ofKey: true,
      isMissing: false,
    }));
  }
  if (issue.code === 'invalid_key') {
    const rule = issue.issues[0]?.message ?? message;
    const offset = document.offsetOfKey(path.slice(0, -1), String(path.at(-1)));
    return [{ path, rule: `the key ${rule}`, offset, ofKey: true, isMissing: false }];
  }
  if (issue.code === 'invalid_union') return [unionProblem(issue, document)];
  const within: unknown = issue.code === 'custom' ? issue.params?.within : undefined;
  const problem = atValue(path, message, document);
  return [typeof within === 'string' ? { ...problem, offset: document.offsetWithin(path, within) } : problem];
}

/** Of a union's branches, the one that was followed deepest before it failed is the one that was meant. */
function unionProblem(issue: z.core.$ZodIssueInvalidUnion, document: SourceDocument): Problem {
  const depth = (branch: readonly z.core.$ZodIssue[]) => branch[0]?.path.length ?? 0;
  // A list where one mapping may stand too: what is no list was not meant as one.
  const meant = issue.errors.filter(
    (branch) => !branch.some(({ code, path }) => code === 'invalid_type' && path.length === 0),
  );
  const [best] = (meant.length === 1 ? meant : issue.errors).toSorted((a, b) => depth(b) - depth(a));
  const inner = best?.[0];
  const isWhole = inner?.path.length === 0 && (meant.length !== 1 || inner.code !== 'unrecognized_keys');
  if (inner === undefined || isWhole) return atValue(issue.path, issue.message, document);
  const [problem] = problemsOf({ ...inner, path: [...issue.path, ...inner.path] }, document);
  return problem ?? atValue(issue.path, issue.message, document);
}

function atValue(path: DocumentPath, rule: string, document: SourceDocument): Problem {
  const isMissing = valueAt(path, document) === undefined;
  return { path, rule, offset: document.offsetOf(path), ofKey: false, isMissing };
}

function valueAt(path: DocumentPath, document: SourceDocument): unknown {
  return path.reduce<unknown>((parent, step) => property(parent, step), document.value);
}

function messageOf(problem: Problem, document: SourceDocument): string {
  const where = problem.path.length === 0 ? 'the document' : pathText(problem.path);
  const got = problem.ofKey ? undefined : valueText(problem.path, document);
  return `${where}: ${problem.rule}${got === undefined ? '' : `, got ${got}`}`;
}

function valueText(path: DocumentPath, document: SourceDocument): string | undefined {
  const value = valueAt(path, document);
  if (value === undefined) return undefined;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'a mapping';
  const written = document.writtenAt(path) ?? String(value);
  if (path.some((step) => typeof step === 'string' && namesSecret(step)) || looksRandom(written)) return HIDDEN;
  return typeof value === 'string'
    ? `"${escapeForeign(written, SHOWN_VALUE)}"`
    : escapeForeign(written || 'nothing', SHOWN_VALUE);
}

function property(parent: unknown, step: PropertyKey): unknown {
  return typeof parent === 'object' && parent !== null && Object.hasOwn(parent, step)
    ? Reflect.get(parent, step)
    : undefined;
}

/** `replicas[1].deploy.path`; names that are not plain words are quoted, and hidden when they look random. */
function pathText(path: DocumentPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const name = String(step);
    if (looksRandom(name)) return text === '' ? HIDDEN : `${text}.${HIDDEN}`;
    if (!/^[\w-]{1,60}$/.test(name)) return `${text}["${escapeForeign(name, SHOWN_VALUE)}"]`;
    return text === '' ? name : `${text}.${name}`;
  }, '');
}
