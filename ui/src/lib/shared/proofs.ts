// What a client has proved of who it is, in words.
import type { Proof, ProofKind } from '$lib/backend';

const WORDS: Record<ProofKind, string> = { certificate: 'certificate', account: 'account', token: 'token' };

/** `certificate pump-7`; names come from outside and are shown as data. */
export const proofWords = ({ by, name }: Proof): string => `${WORDS[by]} ${name}`;
