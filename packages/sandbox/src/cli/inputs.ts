import { readFileSync } from 'node:fs'
import { readDuration } from '../clock/duration.ts'
import type { Keys } from '../keys/keys.ts'
import { fullAddress } from '../loopback.ts'
import type { Change } from './changes.ts'
import { valued, type Option, type Host, type Session } from './command.ts'
import { usageError } from './exit.ts'

/** Opens the keys of the folder, and warns about file modes that had to be corrected. */
export async function openFolder({ directory, output, texts }: Session): Promise<Keys> {
  // Only commands that use keys load what reads them.
  const { openKeys } = await import('../keys/keys.ts')
  const keys = await openKeys(directory)
  for (const repair of keys.repairs) output.warn(texts('modeRepaired', { ...repair }))
  return keys
}

/** The bytes of a file, or of standard input for `-` and if no file is named. */
export async function readBody(file: string | undefined, { stdin }: Host): Promise<Buffer> {
  if (file !== undefined && file !== '-') return readFileSync(file)
  if (stdin.isTTY === true) throw usageError('noBody')
  const chunks: Buffer[] = []
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** A time such as `90s` or `1h30m`, in milliseconds. */
export const duration: Option<number> = valued('<duration>', 'expected.duration', readDuration)

/** Changes to `data.object`: `amount=500`, `extra.send_name=红包`. */
export const changes: Option<readonly Change[]> = valued(
  '<path=value>',
  'expected.change',
  (given, before = []) => {
    const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(given) ?? []
    const path = name.replace(/^(?:data\.)?object\./, '').split('.')
    // A path through a prototype would change every object there is.
    const isPath = path.every((part) => /^\w+$/.test(part) && !(part in Object.prototype))
    return isPath ? [...before, { path, value }] : undefined
  },
)

/** A path and query, as they are sent. */
export const requestTarget: Option<string> = valued('<target>', 'expected.requestTarget', (text) =>
  /^\/[!-~]*$/.test(text) && !text.includes('#') ? text : undefined,
)

/** The address of an app, in full. */
export function targetUrl(given: string): string {
  const text = unquoted(given)
  return fullAddress(text) ?? text
}

export const target: Option<string> = { value: '<url>', read: targetUrl }

/** The query of a list: the options that are set. */
export function queryOf(options: Readonly<Record<string, string | undefined>>): string {
  const set = Object.entries(options).flatMap(([name, value = null]) =>
    value === null ? [] : [[name, value]],
  )
  return `?${new URLSearchParams(set).toString()}`
}

/** A sandbox's address: `http://127.0.0.1:4141`, `localhost:4141` or `4141`. */
export function sandboxUrl(given: string): string | undefined {
  const [, host = '127.0.0.1', port] =
    /^(?:([\w.-]+|\[[\da-f:.]+\])?:)?(\d{1,5})\/?$/i.exec(unquoted(given)) ?? []
  const text = port === undefined ? unquoted(given) : `http://${host}:${port}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url.origin : undefined
}

export const sandbox: Option<string> = valued('<url>', 'expected.sandboxUrl', sandboxUrl)

/** The sandbox's token of the environment; undefined if it is not set, or empty. */
export function tokenIn({ HONGBAO_SANDBOX_TOKEN: token = '' }: Host['env']): string | undefined {
  return unquoted(token) || undefined
}

/** Without the quotes and blanks of an environment file. */
export function unquoted(text: string): string {
  return text.replace(/^["'\s\ufeff]+/, '').replace(/(?<!["'\s])["'\s]+$/, '')
}
