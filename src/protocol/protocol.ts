/** The protocols that are built in: how signers, or gates, talk on the wire. */
export const PROTOCOLS = ['keyring-v1', 'gate-v1'] as const;

export type Protocol = (typeof PROTOCOLS)[number];
