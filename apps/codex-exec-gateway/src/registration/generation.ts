/**
 * The two relay generations of the Codex CLI (docs/protocol.md): `noise` from 0.141 on, encrypted end to end; `legacy`
 * before that, plain frames. They do not understand each other.
 */
export type Generation = 'noise' | 'legacy';

/** What a Noise executor asks for and must be answered with. */
export const NOISE_SECURITY_PROFILE = 'noise_hybrid_ik_v1';
