import type { X509Certificate } from 'node:crypto';
import type { Secret } from '../credential/secret.ts';
import type { Endpoint } from '../fleet/fleet.ts';
import type { Exchange } from '../protocol/outcome.ts';

/** Time, as the prober and the runner need it. */
export interface Clock {
  /** Wall clock, Unix milliseconds. */
  now(): number;
  /** Monotonic milliseconds, for deadlines and durations; the origin means nothing. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when that aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** One HTTP request, ready to send. `headers` in lower case. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

/** A client certificate that is presented: a chain in PEM, its own certificate first, and its key. */
export interface Identity {
  /** How it is called in messages: `next`, `expired`. Two that differ have two names. */
  readonly name: string;
  readonly chain: string;
  readonly key: Secret;
}

/** What is presented in a handshake: our own certificate as the fleet file has it, none, or another one. */
export type Presented = boolean | Identity;

/** A version of TLS, where a handshake is to offer no other. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** How a request is to travel. */
export interface SendOptions {
  /** A new connection with a full TLS handshake, no session resumed, closed afterwards. */
  readonly fresh: boolean;
  /** What to present in the handshake. */
  readonly certificate: Presented;
  /** The only version of TLS that is offered; by default 1.2 and 1.3 are. */
  readonly version?: TlsVersion;
  /** From the first byte of the connection attempt to the last byte of the answer, in milliseconds. */
  readonly deadlineMs: number;
  /** Longest body that is read. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

/**
 * Sends requests. Never throws for what the network or the peer does: that is a `fault` exchange.
 * Redirects are not followed, no proxy is used, bodies are not decompressed.
 */
export interface Transport {
  send(to: Endpoint, request: WireRequest, options: SendOptions): Promise<Exchange>;
  /** Closes every connection; the transport cannot be used after. */
  close(): Promise<void>;
}

/** What a server showed in a TLS handshake, nothing having been sent after it; or the fault that came instead. */
export type Handshake =
  | {
      readonly kind: 'shown';
      /** The server's own certificate, then the others that are known of its chain. */
      readonly chain: readonly X509Certificate[];
      /** `TLSv1.3`, `TLSv1.2`. */
      readonly protocol: string;
      /** The TLS library's code for not trusting it for the name; `undefined` when it does. */
      readonly untrusted: string | undefined;
      /** A session that the server gave, where one was asked for and came. */
      readonly session: Uint8Array | undefined;
      /** Whether the server took up the session that it was offered. */
      readonly resumed: boolean;
    }
  | { readonly kind: 'fault'; readonly code: string; readonly detail: string };

/** Makes TLS handshakes to look at servers. Never rejects for what the network or the peer does. */
export type Handshakes = (to: Endpoint, options: HandshakeOptions) => Promise<Handshake>;

/** How a handshake is made. */
export interface HandshakeOptions {
  readonly certificate: Presented;
  /** The only version of TLS that is offered; by default 1.2 and 1.3 are. */
  readonly version?: TlsVersion;
  readonly deadlineMs: number;
  /** Waits a moment for a session, which comes after the handshake. */
  readonly wantSession?: boolean;
  /** A session to offer; a request is never sent over one that is resumed. */
  readonly session?: Uint8Array;
}

/** Randomness: `bytes` random bytes as lower-case hex. */
export interface Random {
  hex(bytes: number): string;
}

/** A TLS connection that is kept open, with the TLS session that came with it. Never rejects for what the peer does. */
export interface KeptConnection {
  /** SHA-256 of the certificate that the server showed, lower-case hex. */
  readonly peer: string | undefined;
  /** Sends a request over the connection itself; a fault `CLOSED` where it has been closed meanwhile. */
  send(request: WireRequest, limits: KeptLimits): Promise<Exchange>;
  /** Whether the server takes the session up again now, as a handshake tells; `undefined` where it has given none. */
  resumable(deadlineMs: number): Promise<boolean | undefined>;
  /** Sends a request over a new connection that offers the session; a fault `NO_SESSION` where the server has given none. */
  resume(request: WireRequest, limits: KeptLimits): Promise<Resumption>;
  /** The sessions that were given until now, to be restored by another process. They are secret. */
  saved(): readonly Uint8Array[];
  /** Closes the connection, and forgets the session. */
  close(): void;
}

/** The bounds of one exchange. */
export type KeptLimits = Pick<SendOptions, 'deadlineMs' | 'maxBytes'>;

/** What came over a connection that offered a session, and whether the server took it up. */
export interface Resumption {
  readonly exchange: Exchange;
  readonly resumed: boolean;
}

/** Opens connections that are kept. */
export interface KeepConnections {
  /** Gives the fault where none comes about. */
  open(to: Endpoint, options: KeepOptions): Promise<KeptConnection | Extract<Exchange, { kind: 'fault' }>>;
  /** What is left of a connection whose process has ended: its sessions. */
  restore(to: Endpoint, options: Omit<KeepOptions, 'deadlineMs'>, sessions: readonly Uint8Array[]): KeptConnection;
}

/** How a connection that is kept is made. */
export type KeepOptions = Pick<HandshakeOptions, 'certificate' | 'deadlineMs'> & { readonly version: TlsVersion };

/** What a client made of the certificate that it was shown, for one connection. */
export type Dialled =
  /** It completed the handshake and sent something. `certificate` is the SHA-256 of its own, lower-case hex. */
  | { readonly kind: 'spoke'; readonly certificate: string | undefined }
  /** It completed the handshake and closed without a byte: so do some that trust us, and some that do not. */
  | { readonly kind: 'silent'; readonly certificate: string | undefined }
  /** It broke the handshake off with an alert: `unknown ca`, `bad certificate`, `certificate expired`. */
  | { readonly kind: 'refused'; readonly alert: string }
  /** It broke off without an alert. */
  | { readonly kind: 'broken-off'; readonly detail: string };

/** A TLS server of ours that shows one certificate, and looks at what clients make of it. */
export interface TrustListener {
  readonly host: string;
  readonly port: number;
  /** Waits until every connection has come to an end, or ends them at the deadline; gives them in the order of their ends. */
  settled(deadlineMs: number): Promise<readonly Dialled[]>;
  close(): Promise<void>;
}

/** How a listener listens. */
export interface ListenOptions {
  /** PEM bundle of the authorities that clients' certificates are asked for by; anyone's is taken, and none too. */
  readonly clientAuthorities: string;
  /** Where it listens; by default on the loopback address, at a free port. */
  readonly host?: string;
  readonly port?: number;
}

/** Opens a listener that shows a server's certificate. Rejects where the address cannot be had. */
export type ListenForTrust = (shown: Identity, options: ListenOptions) => Promise<TrustListener>;
