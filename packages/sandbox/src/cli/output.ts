import type { Writable } from 'node:stream'
import { styleText } from 'node:util'

/** Where a command writes; `process.stdout` and `process.stderr` are two. */
export type Stream = Writable & { readonly isTTY?: boolean | undefined }

export type Style = Parameters<typeof styleText>[0]

/** Colours a text, where there are colours. */
export type Paint = (style: Style, text: string) => string

export interface OutputOptions {
  readonly stdout: Stream
  readonly stderr: Stream
  /** One JSON object per line on stdout. */
  readonly json: boolean
  /** Nothing on stderr but errors. */
  readonly quiet: boolean
  /** Colours where the terminal has them and NO_COLOR is not set. */
  readonly color: boolean
}

/** What a command says: results on stdout, everything else on stderr. */
export interface Output {
  readonly isJson: boolean
  /** Whether somebody looks at stdout, rather than a program. */
  readonly isRead: boolean
  /** Whether somebody looks at stderr. */
  readonly isWatched: boolean
  /** A result: the object as a line of JSON, or the text. */
  result(value: object, text: string): void
  /** A sentence on what happens. */
  note(text: string): void
  /** Something to look at; said even where notes are not. */
  warn(text: string): void
  error(code: string, text: string): void
  /** Colours a piece of a result. */
  readonly paint: Paint
  /** Colours a piece of what stderr says. */
  readonly tint: Paint
}

export function createOutput(options: OutputOptions): Output {
  const { stdout, stderr, json, quiet, color } = options

  function painter(stream: Stream): Paint {
    if (!color) return (_style, text) => text
    // `styleText` looks at the stream and at NO_COLOR by itself.
    return (style, text) => styleText(style, text, { stream })
  }

  const tint = painter(stderr)
  return {
    isJson: json,
    isRead: stdout.isTTY === true,
    isWatched: stderr.isTTY === true && !quiet,
    result: (value, text) => void stdout.write(`${json ? JSON.stringify(value) : text}\n`),
    note(text) {
      if (!quiet) stderr.write(`${text}\n`)
    },
    warn: (text) => void stderr.write(`${tint('yellow', 'warning:')} ${text}\n`),
    error(code, text) {
      // For programs that read stderr too; stdout has results alone.
      if (json) stderr.write(`${JSON.stringify({ error: { code, message: text } })}\n`)
      else stderr.write(`${tint('red', 'error:')} ${text}\n`)
    },
    paint: painter(stdout),
    tint,
  }
}

/** Rows under each other, each column as wide as its widest cell. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, at) => Math.max(widest[at] ?? 0, cell.length)),
    [],
  )
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
