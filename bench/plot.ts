/**
 * plot: rates as bars, a panel for each workload, on a scale of powers of ten: some lie a hundredfold apart.
 * An SVG of its own, readable on light and dark pages.
 */

export interface Bar {
  readonly name: string
  readonly rate: number
  /** What is told beside the bar. */
  readonly note: string
  readonly kind: "fibric" | "hand" | "peer"
}

export interface Panel {
  readonly title: string
  readonly bars: ReadonlyArray<Bar>
}

const width = 860
const left = 190
const right = 190
const row = 22
const head = 34
const gap = 18

const colours = { fibric: "#2563eb", hand: "#94a3b8", peer: "#d97706" } as const

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const heightOf = ({ bars }: Panel): number => head + bars.length * row + gap

const numbers = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 })

const drawPanel = (panel: Panel, top: number, least: number, most: number): string => {
  const length = (rate: number) => ((Math.log10(rate) - least) / (most - least)) * (width - left - right)
  const decades = Array.from({ length: most - least + 1 }, (_, index) => least + index)
  const bottom = top + head + panel.bars.length * row
  const grid = decades.map((decade) => {
    const x = left + length(10 ** decade)
    return `<line x1="${x}" y1="${top + head - 6}" x2="${x}" y2="${bottom}" class="grid"/><text x="${x}" y="${top + head - 10}" class="scale" text-anchor="middle">${numbers.format(10 ** decade)}</text>`
  })
  const bars = panel.bars.map(({ kind, name, note, rate }, index) => {
    const y = top + head + index * row
    const size = Math.max(2, length(rate))
    return [
      `<text x="${left - 8}" y="${y + 14}" text-anchor="end">${escaped(name)}</text>`,
      `<rect x="${left}" y="${y + 3}" width="${size.toFixed(1)}" height="${row - 6}" fill="${colours[kind]}"/>`,
      `<text x="${left + size + 6}" y="${y + 14}">${escaped(`${numbers.format(rate)}${note}`)}</text>`
    ].join("")
  })
  return [`<text x="8" y="${top + 14}" class="title">${escaped(panel.title)}</text>`, ...grid, ...bars].join(
    "\n"
  )
}

/** The panels below each other, on one scale. */
export const svg = (panels: ReadonlyArray<Panel>): string => {
  const rates = panels.flatMap(({ bars }) => bars.map(({ rate }) => Math.log10(rate)))
  const least = Math.floor(Math.min(...rates))
  const most = Math.ceil(Math.max(...rates))
  const height = panels.reduce((sum, panel) => sum + heightOf(panel), gap)
  let top = gap
  const drawn = panels.map((panel) => {
    const text = drawPanel(panel, top, least, most)
    top += heightOf(panel)
    return text
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Rates a second by workload">
<style>text{font:12px system-ui,sans-serif;fill:#1e293b}.title{font-weight:600;font-size:13px}.scale{font-size:10px;fill:#64748b}.grid{stroke:#e2e8f0}</style>
<rect width="${width}" height="${height}" fill="#ffffff"/>
${drawn.join("\n")}
</svg>
`
}
