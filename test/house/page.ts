import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './source.ts';

/** The rows of the first table under a heading of `spec/architecture.md`, without its head, as trimmed cells. */
export function tableUnder(heading: string): string[][] {
  const page = readFileSync(join(ROOT, 'spec/architecture.md'), 'utf8');
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const lines = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('|'));
  if (lines.length < 3) throw new Error(`no table under ${heading}`);
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** Text without its backquotes, split at commas. */
export function listIn(cell: string): string[] {
  return cell.split(',').map((part) => part.replaceAll('`', '').trim());
}

/** The allowed arrows: from a room, to each room that it may import, and whether types only. */
export function arrows(): ReadonlyMap<string, ReadonlyMap<string, 'all' | 'types'>> {
  return new Map(
    tableUnder('Arrows').map(([room = '', cell = '']) => {
      const targets = listIn(cell).filter((target) => target !== 'nothing');
      const pairs = targets.map((target) => {
        const types = target.endsWith(' (types)');
        return [target.replace(/ \(types\)$/, ''), types ? 'types' : 'all'] as const;
      });
      return [room.replaceAll('`', ''), new Map(pairs)] as const;
    }),
  );
}

/** Modules and globals of the outside world, each with the rooms and files that alone may use it. */
export function outside(): ReadonlyMap<string, readonly string[]> {
  return new Map(
    tableUnder('The world outside').flatMap(([things = '', places = '']) => {
      const allowed = places === 'nowhere' ? [] : listIn(places);
      return listIn(things).map((thing) => [thing, allowed] as const);
    }),
  );
}
