import type { Writable } from 'node:stream'
import { stripVTControlCharacters, styleText } from 'node:util'
import { alignColumns } from './columns.ts'
import type { Texts } from './texts/texts.ts'

export type Stream = Writable & {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

export type Style = Parameters<typeof styleText>[0]

export type Paint = (style: Style, text: string) => string

export interface OutputOptions {
  readonly stdout: Stream
  readonly stderr: Stream
  readonly texts: Texts
  /** One JSON object per line on stdout. */
  readonly json?: boolean | undefined
  /** Nothing on stderr but warnings and errors. */
  readonly quiet?: boolean | undefined
  /** Colours if the terminal has them and NO_COLOR is not set. */
  readonly color: boolean
}

/** Writes results to stdout, everything else to stderr. */
export class Output {
  readonly isJson: boolean
  /** Whether a person reads the notes. */
  readonly isWatched: boolean
  /** Width of stdout's terminal; Infinity without one: lists are not broken then. */
  readonly columns: number
  /** The same of stderr. */
  readonly noteColumns: number
  /** Colours a result. */
  readonly paint: Paint
  /** Colours a note. */
  readonly tint: Paint
  readonly #options: OutputOptions

  constructor(options: OutputOptions) {
    const { stdout, stderr, json = false, quiet = false, color } = options
    const painter =
      (stream: Stream): Paint =>
      (style, text) =>
        // `styleText` checks the stream and NO_COLOR itself.
        color ? styleText(style, text, { stream }) : text
    this.isJson = json
    this.isWatched = stderr.isTTY === true && !quiet
    this.columns = columnsOf(stdout)
    this.noteColumns = columnsOf(stderr)
    this.paint = painter(stdout)
    this.tint = painter(stderr)
    this.#options = options
  }

  /** Writes the object as a line of JSON, or the text. */
  result(value: object, text: string): void {
    this.#options.stdout.write(`${this.isJson ? JSON.stringify(value) : text}\n`)
  }

  /** Writes each item as a result, and its cells in columns, on a terminal under a heading. */
  rows<Item extends object>(
    items: readonly Item[],
    cellsOf: (item: Item) => readonly string[],
    { heading = [], style }: { heading?: readonly string[]; style?: (item: Item) => Style } = {},
  ): void {
    const [first = '', ...lines] = alignColumns([heading, ...items.map(cellsOf)], this.columns)
    const hasHeading = this.#options.stdout.isTTY === true && heading.length > 0 && !this.isJson
    if (hasHeading && items.length > 0) this.result({}, this.paint('dim', first))
    for (const [at, item] of items.entries()) {
      const line = lines[at] ?? ''
      this.result(item, style === undefined ? line : this.paint(style(item), line))
    }
  }

  note(text: string): void {
    if (this.#options.quiet !== true) this.#options.stderr.write(`${text}\n`)
  }

  /** Also written with --quiet. */
  warn(text: string): void {
    const { stderr, texts } = this.#options
    stderr.write(`${this.tint('yellow', texts('warning'))}${text}\n`)
  }

  error(code: string, message: string): void {
    const { stderr, texts } = this.#options
    const line = `${this.tint('red', texts('error'))}${message}`
    stderr.write(`${this.isJson ? JSON.stringify({ error: { code, message } }) : line}\n`)
  }
}

/** The width of a terminal; 80 if it does not know its own, and says 0. */
function columnsOf({ columns = Infinity }: Stream): number {
  return columns === 0 ? 80 : columns
}

/**
 * Makes text of an app safe for a terminal: it must not move the cursor, change colours, or reverse
 * the text that follows. Line breaks and tabs stay.
 */
export function plainText(text: string): string {
  return stripVTControlCharacters(text).replaceAll(
    /[\u202a-\u202e\u2066-\u2069]|(?![\n\t])\p{Cc}/gu,
    ' ',
  )
}

/** The same on one line. */
export function plainLine(text: string): string {
  return plainText(text).replaceAll(/\s+/g, ' ').trim()
}
