import { isRecord } from '@hongbao/core/internal'

// Names that no envelope's metadata has by chance.
const [BYTES, MAP, INFINITY] = ['$hongbao:bytes', '$hongbao:map', '$hongbao:infinity']

/** Writes a value as one line of JSON; bytes in base64, maps as lists of pairs. */
export function writeLine(value: object): string {
  return `${JSON.stringify(value, replace)}\n`
}

/** Reads a line; undefined if it was cut, as the last one of a process that was killed. */
export function readLine(line: string): unknown {
  try {
    return JSON.parse(line, revive)
  } catch {
    return undefined
  }
}

/** In `value`, a buffer is already a list of numbers. */
function replace(this: Readonly<Record<string, unknown>>, name: string, value: unknown): unknown {
  const { [name]: original } = this
  if (Buffer.isBuffer(original)) return { [BYTES]: original.toString('base64') }
  if (value === Infinity) return { [INFINITY]: true }
  return value instanceof Map ? { [MAP]: [...value] } : value
}

function revive(_name: string, value: unknown): unknown {
  if (!isRecord(value)) return value
  const { [BYTES]: bytes, [MAP]: pairs } = value
  if (typeof bytes === 'string') return Buffer.from(bytes, 'base64')
  if (INFINITY in value) return Infinity
  return Array.isArray(pairs) ? new Map(pairs) : value
}
