import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { expect, it, onTestFinished } from 'vitest';
import { systemProcesses } from '../../src/system/process-identity.ts';

const processes = systemProcesses();

/** What only `/proc` tells cannot be tried elsewhere, and is not passed over in silence. */
function needsLinux(): void {
  if (process.platform !== 'linux') throw new Error('this test needs Linux: it reads /proc');
}

it('knows this process', () => {
  const self = processes.self();
  expect(self).toMatchObject({ host: hostname(), pid: process.pid });
  expect(processes.look(process.pid)).toEqual({ startTime: self.startTime });
});

it('has start times and the boot from the kernel', () => {
  needsLinux();
  const { startTime, bootId } = processes.self();
  expect(startTime).toBeGreaterThan(0);
  expect(bootId).toBe(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
});

it('sees a process come and go, and tells it from its pid alone', async () => {
  const child = spawn('sleep', ['60']);
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const { pid = 0 } = child;
  expect(processes.look(pid)).not.toBe('absent');
  if (process.platform === 'linux') {
    expect(processes.look(pid)).not.toEqual({ startTime: processes.self().startTime });
  }
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  expect(processes.look(pid)).toBe('absent');
});

it('takes a zombie for dead, and is not confused by a name with a parenthesis', async () => {
  needsLinux();
  const script =
    'use POSIX; $0 = ") R 1 1"; my $p = fork; if (!$p) { POSIX::_exit(0) } print "$p\\n"; $| = 1; print ""; sleep 60';
  const parent = spawn('perl', ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    parent.kill('SIGKILL');
  });
  const zombie = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
  while (!readFileSync(`/proc/${zombie}/stat`, 'utf8').includes(') Z ')) await new Promise(setImmediate);
  expect(processes.look(zombie)).toBe('absent');
  expect(processes.look(parent.pid ?? 0)).not.toBe('absent');
});
