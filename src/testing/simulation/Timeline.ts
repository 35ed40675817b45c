/**
 * Timeline: simulated time, and what happens when. Time stands still while something can run, and then
 * goes to the next thing that happens; nothing waits for real.
 */

interface Happening {
  readonly at: number
  readonly order: number
  readonly happen: () => void
}

export interface Timeline {
  /** Milliseconds since the simulation's beginning, whole or not. */
  readonly now: () => number
  /** Something happens so many milliseconds from now. What falls on one instant happens in the order given. */
  readonly after: (millis: number, happen: () => void) => void
  /** When the next thing happens; `undefined` where nothing does. */
  readonly next: () => number | undefined
  /** Goes to the next thing that happens, and lets it. */
  readonly advance: () => void
}

export const make = (): Timeline => {
  // A binary heap: the earliest is first.
  const heap: Array<Happening> = []
  let now = 0
  let orders = 0

  const isBefore = (one: Happening, other: Happening): boolean =>
    one.at < other.at || (one.at === other.at && one.order < other.order)

  const push = (happening: Happening): void => {
    let index = heap.length
    heap.push(happening)
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || !isBefore(happening, parent)) break
      heap[index] = parent
      index = above
    }
    heap[index] = happening
  }

  const pop = (): Happening | undefined => {
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let index = 0
    while (true) {
      const left = heap[2 * index + 1]
      const right = heap[2 * index + 2]
      const isRight = left !== undefined && right !== undefined && isBefore(right, left)
      const child = isRight ? right : left
      if (child === undefined || !isBefore(child, last)) break
      heap[index] = child
      index = 2 * index + (isRight ? 2 : 1)
    }
    heap[index] = last
    return first
  }

  return {
    now: () => now,
    after: (millis, happen) => push({ at: now + Math.max(0, millis), order: orders++, happen }),
    next: () => heap[0]?.at,
    advance: () => {
      const happening = pop()
      if (happening === undefined) return
      now = Math.max(now, happening.at)
      happening.happen()
    }
  }
}
