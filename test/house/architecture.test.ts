import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { arrows, outside, tableUnder } from './page.ts';
import { bareExports, brokenArrows, cyclesOf, deadImports, graphOf, strayUses } from './rules.ts';
import { ROOT, roomOf, sourceFiles } from './source.ts';

const files = sourceFiles();
const MAX_LINES = 400;
const VAGUE = /^(?:utils?|helpers?|common|types|misc|shared)\.ts$/;

describe('the code keeps to spec/architecture.md', () => {
  test('every room is in both tables, and every row is a room', () => {
    const src = readdirSync(join(ROOT, 'src'), { withFileTypes: true });
    const rooms = src.filter((entry) => entry.isDirectory() || entry.name === 'main.ts').map((entry) => entry.name);
    expect([...arrows().keys()].sort()).toEqual(rooms.sort());
    expect(
      tableUnder('Rooms')
        .map(([room = '']) => room.replaceAll('`', ''))
        .sort(),
    ).toEqual(rooms.sort());
    expect(src.filter((entry) => entry.isFile()).map((entry) => entry.name)).toEqual(['main.ts']);
  });

  test('the table of arrows itself has no cycle, and nothing imports practice', () => {
    const table = new Map([...arrows()].map(([room, targets]) => [room, new Set(targets.keys())]));
    expect(cyclesOf(table)).toEqual([]);
    expect([...table].filter(([, targets]) => targets.has('practice'))).toEqual([]);
  });

  test('imports follow the arrows', () => {
    expect(brokenArrows(files, arrows())).toEqual([]);
  });

  test('imports lead to files', () => {
    expect(deadImports(files)).toEqual([]);
  });

  test('no cycle between rooms', () => {
    expect(cyclesOf(graphOf(files, roomOf))).toEqual([]);
  });

  test('no cycle between files', () => {
    expect(cyclesOf(graphOf(files, (path) => path))).toEqual([]);
  });

  test('the clock, the disk, the network and processes are touched only where the page says', () => {
    expect(strayUses(files, outside())).toEqual([]);
  });

  test('every export has a doc comment', () => {
    expect(files.flatMap(bareExports)).toEqual([]);
  });

  test(`no file is longer than ${MAX_LINES} lines`, () => {
    const lengths = files.map((file) => ({ path: file.path, lines: file.text.split('\n').length - 1 }));
    expect(lengths.filter(({ lines }) => lines > MAX_LINES)).toEqual([]);
  });

  test('file names say one concern, in kebab-case', () => {
    const names = files.map((file) => ({ path: file.path, name: basename(file.path) }));
    const bad = names.filter(({ name }) => VAGUE.test(name) || !/^[a-z0-9]+(?:-[a-z0-9]+)*\.ts$/.test(name));
    expect(bad.map(({ path }) => path)).toEqual([]);
  });
});
