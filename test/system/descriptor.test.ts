import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDescriptor } from '../../src/system/descriptor.ts';
import { ownFolder } from '../credential/real-files.ts';

describe('an inherited file descriptor', () => {
  it('of a file gives all of it, once, and is closed', async () => {
    const path = join(await ownFolder(), 'secret');
    writeFileSync(path, 'abc\n');
    const fd = openSync(path, 'r');
    expect((await readDescriptor(fd, 1000)).toString()).toBe('abc\n');
    await expect(readDescriptor(fd, 1000)).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });

  it('that was not handed over is refused', async () => {
    await expect(readDescriptor(987, 1000)).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: 'file descriptor 987: nothing was handed over there',
    });
  });

  it('of a device is refused', async () => {
    const fd = openSync('/dev/zero', 'r');
    await expect(readDescriptor(fd, 1000)).rejects.toMatchObject({ message: `file descriptor ${fd}: it is a device` });
    closeSync(fd);
  });

  it('that holds too much is refused', async () => {
    const path = join(await ownFolder(), 'large');
    writeFileSync(path, 'x'.repeat(70_000));
    const fd = openSync(path, 'r');
    await expect(readDescriptor(fd, 1000)).rejects.toMatchObject({ message: expect.stringMatching(/more than 65536/) });
    closeSync(fd);
  });

  it('of a pipe that nobody closes is given up', async () => {
    const path = join(await ownFolder(), 'pipe');
    execFileSync('mkfifo', [path]);
    const fd = openSync(path, 'r+');
    await expect(readDescriptor(fd, 300)).rejects.toMatchObject({
      message: `file descriptor ${fd}: no end within 300 ms`,
    });
    // Lets go of the read that is under way.
    writeSync(fd, 'x');
    closeSync(fd);
  });
});
