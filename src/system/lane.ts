import type { Client } from 'undici';
import type { Connection } from './connection.ts';

/** One undici client that carries one request at a time, with what its connector knows of its connection. */
export interface Lane {
  /** Names the endpoint and the identity that the lane was opened for. */
  readonly key: string;
  readonly client: Client;
  readonly connection: Connection;
}
