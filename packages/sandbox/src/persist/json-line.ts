import { isRecord } from '@hongbao/core/internal'

const PREFIX = '$hongbao:'
const [BYTES, MAP, INFINITY] = [`${PREFIX}bytes`, `${PREFIX}map`, `${PREFIX}infinity`]
/** An object that has such a name itself, in the metadata of an envelope for example, as a list of pairs. */
const OBJECT = `${PREFIX}object`

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
  if (value instanceof Map) return { [MAP]: [...value] }
  const isAlike = isRecord(value) && Object.keys(value).some((each) => each.startsWith(PREFIX))
  return isAlike ? { [OBJECT]: Object.entries(value) } : value
}

function revive(_name: string, value: unknown): unknown {
  if (!isRecord(value)) return value
  const { [BYTES]: bytes, [MAP]: pairs, [OBJECT]: members } = value
  if (typeof bytes === 'string') return Buffer.from(bytes, 'base64')
  if (INFINITY in value) return Infinity
  if (Array.isArray(members)) return Object.fromEntries(members)
  return Array.isArray(pairs) ? new Map(pairs) : value
}
