import { execFile } from 'node:child_process';
import { createServer } from 'node:net';

/** The environment of every process that the tests start. */
export const ENV = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '/' };

/** Runs a program to its end and gives its standard output. */
export function run(program: string, words: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, words, { cwd, env: ENV, timeout: 30_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} ${words.join(' ')}: ${error.message} ${stderr}`));
    });
  });
}

/** Throws, naming each program that the tests need and that is not installed. */
export async function requirePrograms(programs: readonly string[]): Promise<void> {
  const missing: string[] = [];
  for (const program of programs) {
    const flag = program === 'openssl' ? 'version' : '--version';
    await run(program, [flag], '/').catch(() => missing.push(program));
  }
  if (missing.length > 0) throw new Error(`these tests need ${missing.join(', ')}, which cannot be started here`);
}

/** Ports that nothing listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Waits until something holds, at most 10 s. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await holds().catch(() => false))) {
    if (performance.now() > end) throw new Error('what was started did not come up within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
