/**
 * draw: how the story looks in a terminal. Lines, bars and small tables; nothing here knows what they
 * mean.
 *
 * Without a terminal, or with NO_COLOR, it is plain text; a narrow terminal gets numbers without bars.
 */
import { Config, Console, Context, Effect, Layer, Option, Schedule, Stdio, Terminal } from "effect"

/** What a text should look like, in the story's words. */
export type Tone = "plain" | "strong" | "quiet" | "flood" | "calm"

/** One bar: how much of `of` it is, and the words at its end. */
export interface Bar {
  readonly label: string
  readonly value: number
  readonly of: number
  readonly words: string
  readonly tone: Tone
}

export class Draw extends Context.Service<
  Draw,
  {
    /** The widest line, in characters. */
    readonly width: number
    readonly paint: (tone: Tone, text: string) => string
    readonly line: (text?: string) => Effect.Effect<void>
    /** Shows a line that changes while the effect runs, and takes it away. Only in a terminal. */
    readonly meanwhile: (
      look: Effect.Effect<string>
    ) => <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  }
>()("fibric/demo/Draw") {}

const codes: { readonly [T in Tone]: string } = {
  plain: "",
  strong: "\u001b[1m",
  quiet: "\u001b[2m",
  flood: "\u001b[31m",
  calm: "\u001b[32m"
}

const widest = 76

/** Draws on stdout. `aside` draws plainly on stderr instead, and leaves stdout to a program. */
export const layer = (aside: boolean) =>
  Layer.effect(
    Draw,
    Effect.gen(function* () {
      const terminal = yield* Terminal.Terminal
      const { stdoutIsTerminal } = yield* Stdio.Stdio
      const isTerminal = !aside && (yield* stdoutIsTerminal)
      const columns = isTerminal ? yield* terminal.columns : 0
      const withoutColor = Option.exists(yield* Config.option(Config.String("NO_COLOR")), (set) => set !== "")
      const write = (text: string) => Effect.ignore(terminal.display(text))
      return Draw.of({
        width: columns === 0 ? widest : Math.min(widest, columns),
        paint: (tone, text) =>
          !isTerminal || withoutColor || tone === "plain" ? text : `${codes[tone]}${text}\u001b[0m`,
        line: (text = "") => (aside ? Console.error(text) : Console.log(text)),
        meanwhile: (look) => (self) => {
          if (!isTerminal) return self
          const redraw = Effect.flatMap(look, (text) => write(`\r\u001b[2K${text}`))
          return Effect.scoped(
            Effect.andThen(
              Effect.forkScoped(Effect.repeat(redraw, Schedule.spaced("150 millis"))),
              Effect.ensuring(self, write("\r\u001b[2K"))
            )
          )
        }
      })
    })
  )

const { line, paint, width } = {
  line: (text?: string) => Effect.flatMap(Draw, (draw) => draw.line(text)),
  paint: (tone: Tone, text: string) => Effect.map(Draw, (draw) => draw.paint(tone, text)),
  width: Effect.map(Draw, (draw) => draw.width)
}

/** The head of a part. */
export const heading = Effect.fnUntraced(function* (text: string) {
  const rule = "─".repeat(Math.max(2, (yield* width) - text.length - 6))
  yield* line()
  yield* line(`  ${yield* paint("strong", text)}  ${yield* paint("quiet", rule)}`)
  yield* line()
})

/** A few sentences, broken at the width. */
export const paragraph = Effect.fnUntraced(function* (text: string, tone: Tone = "plain") {
  for (const part of wrap(text, (yield* width) - 4)) yield* line(`  ${yield* paint(tone, part)}`)
})

/** One thing that happens now. */
export const step = Effect.fnUntraced(function* (text: string) {
  const [first = "", ...rest] = wrap(text, (yield* width) - 6)
  yield* line(yield* paint("quiet", `  · ${first}`))
  for (const part of rest) yield* line(yield* paint("quiet", `    ${part}`))
})

/** Bars of one scale under each other, so that what was asked and what was done can be compared. */
export const bars = Effect.fnUntraced(function* (...list: ReadonlyArray<Bar>) {
  for (const bar of list) yield* line(yield* barLine(bar))
})

/** One bar as text: for `meanwhile`. */
export const barLine = Effect.fnUntraced(function* ({ label, of, tone, value, words }: Bar) {
  const columns = yield* width
  const number = `${String(value).padStart(5)} ${words}`
  const blocks = columns < 60 ? "" : `${yield* paint(tone, blocksFor(value / of, columns - 32))}  `
  return `  ${label.padEnd(7)} ${blocks}${yield* paint("strong", number)}`
})

/** Rows of a name, a number and what it means; where there is no room, without the meaning. */
export const table = Effect.fnUntraced(function* (rows: ReadonlyArray<readonly [string, string, string]>) {
  const widest = (column: 0 | 1) => Math.max(...rows.map((row) => row[column].length))
  for (const [name, number, words] of rows) {
    const cells = `${name.padEnd(widest(0))}  ${number.padStart(widest(1))}`
    yield* line((yield* width) < 60 ? `  ${cells}` : `  ${cells}   ${yield* paint("quiet", words)}`)
  }
})

/** A frame's left side around a few lines that belong together. */
export const block = Effect.fnUntraced(function* (title: string, lines: ReadonlyArray<string>) {
  const edge = yield* paint("calm", "│")
  yield* line(`  ${edge} ${yield* paint("strong", title)}`)
  for (const text of lines) yield* line(`  ${edge} ${text}`)
})

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const

/** Whole blocks and one of eighths; what is there at all is seen. */
const blocksFor = (share: number, cells: number): string => {
  const units = Math.min(cells * 8, Math.max(share > 0 ? 1 : 0, Math.round(share * cells * 8)))
  return `${"█".repeat(Math.floor(units / 8))}${eighths[units % 8] ?? ""}`.padEnd(cells)
}

const wrap = (text: string, columns: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let current = ""
  for (const word of text.split(" ")) {
    if (current !== "" && current.length + 1 + word.length > columns) {
      lines.push(current)
      current = word
    } else current = current === "" ? word : `${current} ${word}`
  }
  return current === "" ? lines : [...lines, current]
}
