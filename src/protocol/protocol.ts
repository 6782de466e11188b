/** The protocols that are built in: how signers, or gates, talk on the wire. */
export const PROTOCOLS = ['keyring-v1', 'gate-v1'] as const;

/** What a fleet may speak: a protocol that is built in, or one that its own file describes (`SignatureScheme`). */
export const SPOKEN = [...PROTOCOLS, 'described'] as const;

export type Protocol = (typeof SPOKEN)[number];

/** A protocol that is built in. */
export type BuiltIn = (typeof PROTOCOLS)[number];
