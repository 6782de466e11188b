import { posix } from 'node:path';
import { type Import, importsOf, roomOf, type SourceFile } from './source.ts';

type Arrows = ReadonlyMap<string, ReadonlyMap<string, 'all' | 'types'>>;

/** Where a relative import leads, relative to `src/`; `undefined` for a package or a Node module. */
export function targetOf(file: SourceFile, one: Import): string | undefined {
  return one.from.startsWith('.') ? posix.join(posix.dirname(file.path), one.from) : undefined;
}

/** Imports that the table of arrows does not have, or has for types only. */
export function brokenArrows(files: readonly SourceFile[], arrows: Arrows): string[] {
  return files.flatMap((file) =>
    importsOf(file).flatMap((one) => {
      const where = `${file.path}:${one.line}`;
      if (one.from === '?') return [`${where} imports something that is not written out`];
      const target = targetOf(file, one);
      if (target === undefined || roomOf(target) === roomOf(file.path)) return [];
      const allowed = arrows.get(roomOf(file.path))?.get(roomOf(target));
      if (allowed === undefined) return [`${where} imports ${target}`];
      return allowed === 'types' && !one.typesOnly
        ? [`${where} imports ${target}, of which it may import types only`]
        : [];
    }),
  );
}

/** Relative imports that lead to no file, or that lack the extension. */
export function deadImports(files: readonly SourceFile[]): string[] {
  const known = new Set(files.map((file) => file.path));
  return files.flatMap((file) =>
    importsOf(file).flatMap((one) => {
      const target = targetOf(file, one);
      return target === undefined || known.has(target) ? [] : [`${file.path}:${one.line} imports ${one.from}`];
    }),
  );
}

/** Cycles of a graph, each as a path that ends where it began. */
export function cyclesOf(graph: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (node: string, path: readonly string[]): void => {
    if (path.includes(node)) {
      cycles.push([...path.slice(path.indexOf(node)), node].join(' → '));
      return;
    }
    if (done.has(node)) return;
    for (const next of graph.get(node) ?? []) visit(next, [...path, node]);
    done.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return cycles;
}

/** Which file imports which, with `name` applied to both ends; an arrow to itself is left out. */
export function graphOf(files: readonly SourceFile[], name: (path: string) => string): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>();
  for (const file of files) {
    for (const one of importsOf(file)) {
      const target = targetOf(file, one);
      if (target === undefined || name(target) === name(file.path)) continue;
      graph.set(name(file.path), (graph.get(name(file.path)) ?? new Set()).add(name(target)));
    }
  }
  return graph;
}

const PURE_OF_NET = /^\{\s*(?:isIP|isIPv4|isIPv6)(?:,\s*(?:isIP|isIPv4|isIPv6))*,?\s*\}$/;

/** Uses of a module or global of the outside world in places that the page does not name. */
export function strayUses(files: readonly SourceFile[], outside: ReadonlyMap<string, readonly string[]>): string[] {
  return files.flatMap((file) =>
    [...outside].flatMap(([thing, places]) => {
      if (places.includes(roomOf(file.path)) || places.includes(file.path)) return [];
      return usesOf(file, thing).map((line) => `${file.path}:${line} uses ${thing}`);
    }),
  );
}

function usesOf(file: SourceFile, thing: string): number[] {
  if (/[.(]/.test(thing)) {
    const pattern = new RegExp(`(?<![\\w.])${thing.replace(/[.()]/g, '\\$&').replace(' ', '\\s+')}(?!\\w)`, 'g');
    return [...file.bare.matchAll(pattern)].map((match) => file.bare.slice(0, match.index).split('\n').length);
  }
  return importsOf(file)
    .filter((one) => one.from === thing && !one.typesOnly)
    .filter((one) => !(thing === 'node:net' && PURE_OF_NET.test(one.clause.trim())))
    .map((one) => one.line);
}

const EXPORT =
  /^export\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:const|let|function\*?|class|interface|type)\s+(\w+)/;
/** `type Phase = (typeof PHASES)[number]` and `keyof typeof TABLE` say no more than the constant's own comment. */
const DERIVED = /^export type \w+ = (?:\(typeof \w+\)\[number\]|keyof typeof \w+);$/;

/** Exports without a doc comment right before them. */
export function bareExports(file: SourceFile): string[] {
  const lines = file.text.split('\n');
  return lines.flatMap((line, index) => {
    const name = EXPORT.exec(line)?.[1];
    if (name === undefined || DERIVED.test(line)) return [];
    let before = index - 1;
    while ((lines[before] ?? '').startsWith('// biome-ignore')) before -= 1;
    return /\*\/\s*$/.test(lines[before] ?? '')
      ? []
      : [`${file.path}:${index + 1} exports ${name} without a doc comment`];
  });
}
