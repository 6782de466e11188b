import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** The project's folder. */
export const ROOT = new URL('../..', import.meta.url).pathname;

/** A source file, as text and as code. */
export interface SourceFile {
  /** Relative to `src/`, with slashes. */
  readonly path: string;
  readonly text: string;
  /** `text` with comments blanked out; line numbers stay. */
  readonly code: string;
  /** `code` with the insides of strings blanked out too. */
  readonly bare: string;
}

/** One import or re-export. */
export interface Import {
  readonly from: string;
  /** What stands between `import` and `from`. */
  readonly clause: string;
  readonly typesOnly: boolean;
  readonly line: number;
}

/** Every TypeScript file under `src/`, in order of path. */
export function sourceFiles(): SourceFile[] {
  const src = join(ROOT, 'src');
  return readdirSync(src, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => readSource(relative(src, file), readFileSync(file, 'utf8')));
}

export function readSource(path: string, text: string): SourceFile {
  return { path, text, code: blank(text, false), bare: blank(text, true) };
}

/** The room that a path is in: its first folder, or the file itself at the top. */
export function roomOf(path: string): string {
  return path.split('/')[0] ?? path;
}

const STATIC = /^\s*(?:import|export)\s+(type\s+)?([\w*{}\s,$]*?)\s*(?:from\s+)?'([^'\n]+)'/dgm;
const DYNAMIC = /(typeof\s+)?\bimport\(\s*([^)]*?)\s*\)/dg;

/** Static imports, re-exports and dynamic imports. A dynamic import of anything but a literal is `from: '?'`. */
export function importsOf(file: SourceFile): Import[] {
  const lineAt = (index: number): number => file.bare.slice(0, index).split('\n').length;
  // Found in the code without its strings, so that text in a string is no import; the path is read from the code.
  const found = (
    pattern: RegExp,
    path: number,
    read: (text: string, clause: string) => Omit<Import, 'line' | 'typesOnly'>,
  ) =>
    [...file.bare.matchAll(pattern)].map((match) => {
      const text = file.code.slice(...(match.indices?.[path] ?? [0, 0]));
      const start = match.indices?.[0]?.[0] ?? 0;
      const line = lineAt(start + (match[0].length - match[0].trimStart().length));
      return { ...read(text, match[2] ?? ''), typesOnly: match[1] !== undefined, line };
    });
  return [
    ...found(STATIC, 3, (from, clause) => ({ from, clause })),
    ...found(DYNAMIC, 2, (text) => ({ from: /^'([^'\n]+)'$/.exec(text)?.[1] ?? '?', clause: '' })),
  ];
}

/** Where a `/` begins a pattern and not a division: at the start, or after one of these. */
const BEFORE_PATTERN = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|yield|await))\s*$/;

/** Replaces comments, and on request the insides of strings, by spaces. Patterns and `${}` are understood. */
function blank(text: string, strings: boolean): string {
  let out = '';
  let at = 0;
  const depths: number[] = [];
  const take = (length: number, hide: boolean): void => {
    const part = text.slice(at, at + length);
    out += hide ? part.replace(/[^\n]/g, ' ') : part;
    at += length;
  };
  while (at < text.length) {
    const rest = text.slice(at, at + 2);
    const char = rest.charAt(0);
    if (rest === '//') take(lengthOf(/[^\n]*/y, text, at), true);
    else if (rest === '/*') take(lengthOf(/\/\*[\s\S]*?\*\//y, text, at), true);
    else if (char === "'" || char === '"') {
      const length = lengthOf(char === "'" ? /'(?:[^'\\\n]|\\[\s\S])*'/y : /"(?:[^"\\\n]|\\[\s\S])*"/y, text, at);
      take(1, false);
      take(length - 2, strings);
      take(1, false);
    } else if (char === '`' || (char === '}' && depths.at(-1) === 0)) {
      if (char === '}') depths.pop();
      take(1, false);
      take(lengthOf(/(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y, text, at), strings);
      if (text[at] === '$') depths.push(0);
      take(text[at] === '$' ? 2 : 1, false);
    } else if (char === '/' && BEFORE_PATTERN.test(out.slice(-40))) {
      take(lengthOf(/\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y, text, at), strings);
    } else {
      const depth = depths.at(-1);
      if (depth !== undefined && char === '{') depths[depths.length - 1] = depth + 1;
      if (depth !== undefined && char === '}') depths[depths.length - 1] = depth - 1;
      take(1, false);
    }
  }
  return out;
}

function lengthOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return Math.max(1, pattern.exec(text)?.[0].length ?? 1);
}
