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
  readonly json: boolean
  /** Nothing on stderr but errors. */
  readonly quiet: boolean
  /** Colours if the terminal has them and NO_COLOR is not set. */
  readonly color: boolean
}

/** Writes results to stdout, everything else to stderr. */
export interface Output {
  readonly isJson: boolean
  readonly isStdoutTerminal: boolean
  /** Also false with --quiet. */
  readonly isStderrTerminal: boolean
  /** Width of stdout's terminal; Infinity without one: lists are not broken then. */
  readonly columns: number
  /** The same of stderr. */
  readonly noteColumns: number
  /** Writes the object as a line of JSON, or the text. */
  result(value: object, text: string): void
  readonly note: (text: string) => void
  /** Also written with --quiet. */
  warn(text: string): void
  error(code: string, message: string): void
  readonly paint: Paint
  readonly tint: Paint
}

export function createOutput(options: OutputOptions): Output {
  const { stdout, stderr, texts, json, quiet, color } = options
  function painter(stream: Stream): Paint {
    if (!color) return (_style, text) => text
    // `styleText` checks the stream and NO_COLOR itself.
    return (style, text) => styleText(style, text, { stream })
  }

  const tint = painter(stderr)
  return {
    isJson: json,
    isStdoutTerminal: stdout.isTTY === true,
    isStderrTerminal: stderr.isTTY === true && !quiet,
    columns: columnsOf(stdout, Infinity),
    noteColumns: columnsOf(stderr, Infinity),
    result(value, text) {
      stdout.write(`${json ? JSON.stringify(value) : text}\n`)
    },
    note(text) {
      if (!quiet) stderr.write(`${text}\n`)
    },
    warn(text) {
      stderr.write(`${tint('yellow', texts('warning'))}${text}\n`)
    },
    error(code, message) {
      const line = json
        ? JSON.stringify({ error: { code, message } })
        : `${tint('red', texts('error'))}${message}`
      stderr.write(`${line}\n`)
    },
    paint: painter(stdout),
    tint,
  }
}

/** The width of a terminal; 80 if it does not know its own, and says 0. */
export function columnsOf({ columns }: Stream, withoutTerminal: number): number {
  return columns === 0 ? 80 : (columns ?? withoutTerminal)
}

/** Writes each item as a result, and its cells in columns. */
export function writeRows<Item extends object>(
  output: Output,
  items: readonly Item[],
  cellsOf: (item: Item) => readonly string[],
): void {
  const lines = alignColumns(items.map(cellsOf), output.columns)
  for (const [at, item] of items.entries()) output.result(item, lines[at] ?? '')
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
