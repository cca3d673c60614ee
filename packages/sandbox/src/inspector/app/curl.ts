import { textOf } from './bytes.ts'

export interface SentRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** A command for a POSIX shell that sends exactly these bytes. */
export function curlCommand({ url, headers, body }: SentRequest): string {
  const options = Object.entries(headers)
    .filter(([name]) => !MADE_BY_CURL.has(name.toLowerCase()))
    .map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`)
  const lines = [`curl -i ${quote(url)}`, ...options]
  const text = textOf(body)
  // No shell passes a NUL, and not every one other control characters.
  if (text !== undefined && !/[^\P{Cc}\n\t]/u.test(text)) {
    // Not `--data-binary`: that would take a body that starts with @ for the name of a file.
    return [...lines, `--data-raw ${quote(text)}`].join(' \\\n  ')
  }
  return `printf '${octal(body)}' | ${[...lines, '--data-binary @-'].join(' \\\n  ')}`
}

const MADE_BY_CURL = new Set(['host', 'content-length', 'connection', 'transfer-encoding'])

/** Quotes a word for a POSIX shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`
}

/** Bytes for `printf`, which knows octal in every shell (POSIX, "printf"), and `\x` in some. */
function octal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => {
    const isPlain = byte >= 0x20 && byte < 0x7f && !`'\\%`.includes(String.fromCharCode(byte))
    return isPlain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`
  }).join('')
}
