import { connect } from 'node:net';
import { readRecord } from './layout.ts';

const DEADLINE_MS = 30_000;

/**
 * Role `ctl`: hands a command to the supervisor of the fleet in `--home DIR`. `status` and `handshake` print a line of
 * JSON, the others nothing; a handshake that was not completed exits with 1. Throws what the supervisor refused, or that
 * there is none.
 */
export async function runCtl([flag, home, ...words]: readonly string[]): Promise<void> {
  if (flag !== '--home' || home === undefined || words.length === 0) throw new Error('usage: ctl --home DIR COMMAND …');
  const record = readRecord(home);
  if (record === undefined) throw new Error(`there is no practice fleet in ${home}`);
  const line = await ask(record.controlPort, `${JSON.stringify({ token: record.token, words })}\n`);
  const { ok, error, ...answer } = parseAnswer(line);
  if (ok !== true) throw new Error(typeof error === 'string' ? error : 'the supervisor refused');
  if (words[0] === 'handshake' && answer.completed !== true) process.exitCode = 1;
  if (words[0] === 'status' || words[0] === 'handshake') process.stdout.write(`${JSON.stringify(answer)}\n`);
}

function ask(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(request));
    let got = '';
    socket.setEncoding('utf8');
    socket.setTimeout(DEADLINE_MS, () => socket.destroy(new Error(`no answer within ${DEADLINE_MS} ms`)));
    socket.on('data', (chunk: string) => {
      got += chunk;
      if (!got.endsWith('\n')) return;
      socket.end();
      resolve(got);
    });
    socket.on('error', (error) => reject(new Error(`the practice fleet does not answer: ${error.message}`)));
    socket.on('close', () => reject(new Error('the practice fleet closed the connection')));
  });
}

function parseAnswer(line: string): Record<string, unknown> {
  const value: unknown = JSON.parse(line);
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
