/**
 * Command: what the harness tells a subject's process to do, a line of JSON each, and what it hears back.
 * What a peer prints of its own is told from an answer by the answer's first word.
 */

export type Command =
  /** Says how fast it is, roughly: once it is warm, on less than a second's work. */
  | { readonly do: "pace"; readonly series: string }
  | { readonly do: "A"; readonly series: string; readonly count: number }
  | { readonly do: "B2"; readonly series: string; readonly requests: number; readonly keys: number }
  | { readonly do: "C"; readonly series: string; readonly count: number }
  /** Asks again, in this fresh process, for what `A` settled under this series. */
  | { readonly do: "D"; readonly series: string; readonly count: number }
  /** Asks for an effect, and is killed after it and before its record. */
  | { readonly do: "die"; readonly series: string }
  /** Recovers from that, and says what became of the request. */
  | { readonly do: "recover"; readonly series: string }

/** Begins each line that is meant for the harness. */
export const answered = "peers: "

/** The file in the subject's folder that holds a line for each effect of a crash trial. */
export const effectsFile = "effects"
