import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Replica } from '../../src/fleet/fleet.ts';

/** A replica that shows one page, over a real socket. */
export interface Pages {
  readonly replica: Replica;
  /** What the next look gets. */
  status: number;
  text: () => string;
  /** Of the last request. */
  asked: { readonly path: string; readonly headers: IncomingHttpHeaders } | undefined;
}

/** Starts a replica that is closed when the test is over. */
export async function openPages(name: string): Promise<Pages> {
  const server = createServer((request, response) => {
    pages.asked = { path: request.url ?? '', headers: request.headers };
    response.writeHead(pages.status, { 'content-type': 'application/json' }).end(pages.text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const pages: Pages = { replica: replicaAt(name, url), status: 200, text: () => '[]', asked: undefined };
  return pages;
}

/** A replica as the fleet file has it, at an address. */
export function replicaAt(name: string, url: URL): Replica {
  const format = { kind: 'single' } as const;
  const place = { driver: 'env-file', path: '', variable: '', format } as const;
  return { name, url, serverName: name, deploy: { ...place, reload: undefined, restart: undefined, deadlineMs: 1 } };
}
