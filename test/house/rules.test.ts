import { describe, expect, test } from 'vitest';
import { bareExports, brokenArrows, cyclesOf, deadImports, graphOf, strayUses } from './rules.ts';
import { importsOf, readSource, roomOf } from './source.ts';

const arrows = new Map([
  [
    'runner',
    new Map([
      ['errors', 'all'],
      ['ledger', 'types'],
    ] as const),
  ],
  ['errors', new Map()],
]);

/** The place of an expression in a template. */
const HOLE = ['$', '{1 / 2}'].join('');

describe('reading imports', () => {
  test('finds every form, and none in comments, strings, templates or patterns', () => {
    const text = [
      "import a from './a.ts';",
      "import type { B } from './b.ts';",
      'import {',
      '  c,',
      '  type D,',
      "} from './c.ts';",
      "import * as e from './e.ts';",
      "import './f.ts';",
      "export { g } from './g.ts';",
      "export type { H } from './h.ts';",
      "export * from './i.ts';",
      "const j = await import('./j.ts');",
      "type K = typeof import('./k.ts');",
      'const l = await import(name);',
      "// import m from './m.ts';",
      "/* import n from './n.ts'; */",
      'const o = "import p from \'./p.ts\'";',
      `const q = \`\nimport r from './r.ts';\n${HOLE} import('./t.ts')\`;`,
      "const u = /import\\('.\\/v.ts'\\)/;",
      "const w = 'from', x = 'y';",
    ].join('\n');
    const found = importsOf(readSource('x.ts', text));
    expect(found.map(({ from, typesOnly, line }) => `${line} ${from}${typesOnly ? ' types' : ''}`)).toEqual([
      '1 ./a.ts',
      '2 ./b.ts types',
      '3 ./c.ts',
      '7 ./e.ts',
      '8 ./f.ts',
      '9 ./g.ts',
      '10 ./h.ts types',
      '11 ./i.ts',
      '12 ./j.ts',
      '13 ./k.ts types',
      '14 ?',
    ]);
  });

  test('a comment mark inside a string or a pattern hides nothing', () => {
    const text = `const a = 'http://x'; const b = /[/*]/; const c = \`//${HOLE}\`;\nimport './d.ts';`;
    expect(importsOf(readSource('x.ts', text)).map(({ from }) => from)).toEqual(['./d.ts']);
  });
});

describe('each rule finds what breaks it', () => {
  test.each([
    ["import { a } from '../errors/a.ts';", 0],
    ["import type { a } from '../ledger/a.ts';", 0],
    ["import { a } from './other.ts';", 0],
    ["import { a } from '../ledger/a.ts';", 1],
    ["import { type A } from '../ledger/a.ts';", 1],
    ["export * from '../ledger/a.ts';", 1],
    ["await import('../ledger/a.ts');", 1],
    ["import type { a } from '../system/a.ts';", 1],
    ["await import('../system/a.ts');", 1],
    ['await import(path);', 1],
  ])('%s', (text, count) => {
    expect(brokenArrows([readSource('runner/x.ts', text)], arrows)).toHaveLength(count);
  });

  test('an import of a file that is not there, or without its extension', () => {
    const files = [readSource('a/b.ts', "import '../a/c.ts';\nimport './d';\nimport './b.ts';")];
    expect(deadImports(files)).toEqual(['a/b.ts:1 imports ../a/c.ts', 'a/b.ts:2 imports ./d']);
  });

  test('cycles between files and between rooms', () => {
    const files = [
      readSource('a/x.ts', "import './y.ts';\nimport '../b/x.ts';"),
      readSource('a/y.ts', "import type { X } from './x.ts';"),
      readSource('b/x.ts', "import '../c/x.ts';"),
      readSource('c/x.ts', "import '../a/z.ts';"),
    ];
    expect(cyclesOf(graphOf(files, (path) => path))).toEqual(['a/x.ts → a/y.ts → a/x.ts']);
    expect(cyclesOf(graphOf(files, roomOf))).toEqual(['a → b → c → a']);
  });

  test.each([
    ['process.exit(1);', 1],
    ['process.exitCode = 1;', 0],
    ['const x = process.env.HOME;', 1],
    ['const { now } = Date; Date.now();', 1],
    ['new Date();', 1],
    ['new Date(now);', 0],
    ["import { readFile } from 'node:fs/promises';", 1],
    ["import type { Stats } from 'node:fs';", 0],
    ["const fs = await import('node:fs');", 1],
    ["import { isIP } from 'node:net';", 0],
    ["import { connect, isIP } from 'node:net';", 1],
    ["// process.env\nconst text = 'process.env';", 0],
  ])('use of the outside: %s', (text, count) => {
    const places = ['system', 'main.ts', 'probe/own.ts'];
    const things = ['process.exit', 'process.env', 'Date.now', 'new Date()', 'node:fs', 'node:fs/promises', 'node:net'];
    const outside = new Map(things.map((thing) => [thing, places]));
    expect(strayUses([readSource('runner/x.ts', text)], outside)).toHaveLength(count);
    for (const path of ['system/x.ts', 'main.ts', 'probe/own.ts']) {
      expect(strayUses([readSource(path, text)], outside)).toEqual([]);
    }
  });

  test.each([
    ['/** Says. */\nexport const a = 1;', 0],
    ['/**\n * Says.\n */\nexport async function a() {}', 0],
    ['export const a = 1;', 1],
    ['/** Says. */\n\nexport const a = 1;', 1],
    ['// says\nexport interface A {}', 1],
    ['export type A = (typeof B)[number];', 0],
    ['export type A = keyof typeof B;', 0],
    ['export type A = string;', 1],
    ['export class A {}', 1],
    ["export { a } from './a.ts';", 0],
  ])('doc comments: %s', (text, count) => {
    expect(bareExports(readSource('x.ts', text))).toHaveLength(count);
  });
});
