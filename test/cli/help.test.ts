import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { buildProgram } from '../../src/cli/program.ts';
import { makeWorld } from './world.ts';

const { platform } = makeWorld();

function pathsOf(command: Command, path: readonly string[] = []): string[][] {
  return [[...path], ...command.commands.flatMap((below) => pathsOf(below, [...path, below.name()]))];
}

/** Every help text but the root's repeats the global options; the files do not. */
function withoutGlobals(text: string): string {
  return text.replace(/Global Options:\n(?:.+\n)+\n/, '');
}

const PATHS = pathsOf(buildProgram(platform, () => {}));

describe('help', () => {
  test.each(PATHS)('of %s is the text in its file', async (...path) => {
    const world = makeWorld();
    expect(await world.run(...path, '--help')).toBe(0);
    const file = new URL(`help/${['rotctl', ...path].join('-')}.txt`, import.meta.url);
    if (process.env.ROTCTL_WRITE_PAGES === '1') writeFileSync(file, withoutGlobals(world.stdout.text));
    expect(
      existsSync(file),
      `${file.pathname} is missing; its content would be:\n${withoutGlobals(world.stdout.text)}`,
    ).toBe(true);
    expect(withoutGlobals(world.stdout.text)).toBe(readFileSync(file, 'utf8'));
    expect(world.stderr.text).toBe('');
  });

  test.each(PATHS)('of %s has examples that its own parser takes', async (...path) => {
    const world = makeWorld();
    await world.run(...path, '--help');
    const examples = world.stdout.text.split('Examples:\n')[1]?.trim().split('\n') ?? [];
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const [, ...words] = (example.replace(/ > .*/, '').match(/"[^"]*"|\S+/g) ?? []).map((word) =>
        word.replaceAll('"', ''),
      );
      let chosen: string | undefined;
      const program = buildProgram(platform, ({ command }) => {
        chosen = command;
      });
      program.parse(words, { from: 'user' });
      expect(chosen, example).toBeDefined();
    }
  });

  test('every command has a description, and none is missing from the contract', () => {
    const names = PATHS.filter((path) => path.length === 1).map(([name]) => name);
    const contract = [
      'drill',
      'game-day',
      'init',
      'check',
      'plan',
      'runbook',
      'overlap',
      'retire',
      'rollback',
      'confirm',
      'resume',
      'verify-replay',
      'status',
      'ledger',
      'scorecard',
      'advise',
      'explain',
      'seal',
      'practice',
      'completion',
    ];
    expect(names.toSorted()).toEqual(contract.toSorted());
  });
});
