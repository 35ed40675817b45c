/**
 * promises: what the outside world has promised, and what the capabilities rest on. Both sides import
 * this, so that neither declares more than the other keeps.
 */

/** How long a key is recognised, from its first effect. */
export const recognisedMillis = 15_000

/** After how long an effect is seen by whoever asks for it. */
export const visibleAfterMillis = 1_200

/** How long a call may take; then the key is in doubt. */
export const deadlineMillis = 700

/** An effect that takes longer than that. */
export const late = { leastMillis: 800, mostMillis: 1_800 } as const

/** How long a request may be asleep or on the wire, as `release` declares it. */
export const quarantineMillis = 1_500

/** From the last claim to when finding nothing is enough. */
export const releaseAfterMillis = 3_500
