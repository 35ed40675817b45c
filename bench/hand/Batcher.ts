/**
 * Batcher: group commit by hand. While a batch is on its way, what comes next gathers; so batches grow with
 * the load. Whoever comes alone waits for nobody but the end of the event loop's turn.
 */

/** How many rows a batch has at most. */
const maxRows = 1_024

export interface Batcher<Row> {
  /** Resolves when the batch that it went with is durable. */
  readonly add: (row: Row) => Promise<void>
}

interface Waiting<Row> {
  readonly row: Row
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** So many batches may be on their way at once. */
export const make = <Row>(
  write: (rows: ReadonlyArray<Row>) => Promise<void>,
  atOnce: number
): Batcher<Row> => {
  let waiting: Array<Waiting<Row>> = []
  let underWay = 0
  let isPlanned = false

  const plan = (): void => {
    if (isPlanned || underWay >= atOnce || waiting.length === 0) return
    isPlanned = true
    setImmediate(send)
  }

  const send = (): void => {
    isPlanned = false
    const batch = waiting.length <= maxRows ? waiting : waiting.slice(0, maxRows)
    waiting = waiting.length <= maxRows ? [] : waiting.slice(maxRows)
    underWay += 1
    const ended = (tell: (one: Waiting<Row>) => void) => {
      underWay -= 1
      for (const one of batch) tell(one)
      plan()
    }
    write(batch.map(({ row }) => row)).then(
      () => ended(({ resolve }) => resolve()),
      (error: unknown) => ended(({ reject }) => reject(error))
    )
  }

  return {
    add: (row) =>
      new Promise((resolve, reject) => {
        waiting.push({ row, resolve, reject })
        plan()
      })
  }
}
