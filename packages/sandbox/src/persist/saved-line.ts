import { isRecord } from '@hongbao/core/internal'
import { hash } from 'node:crypto'
import type { Delivery } from '../delivery/deliveries.ts'
import type { EnvelopeEntry } from '../engine/envelopes.ts'
import type { ActiveFault } from '../faults/faults.ts'

/** One line of the file: the whole of what has changed. */
export type SavedLine =
  | { readonly delivery: Delivery }
  | { readonly evicted: string }
  | { readonly envelope: EnvelopeEntry }
  | { readonly faults: readonly ActiveFault[] }

/** Changes with the types of a line, so that a line of another version counts as damaged. */
const FORMAT = 'hongbao-sandbox 1'

const PREFIX = '$hongbao:'
const [BYTES, INFINITY] = [`${PREFIX}bytes`, `${PREFIX}infinity`]
/** An object that has such a name itself, in the metadata of an envelope for example, as a list of pairs. */
const OBJECT = `${PREFIX}object`

/** Writes a line, with a checksum: the file may be edited or damaged, and then its lines have any form. */
export function writeLine(line: SavedLine): string {
  const text = JSON.stringify(line, replace)
  return `{"sum":"${sumOf(text)}","line":${text}}\n`
}

/** Reads a line; undefined if it is not as it was written, such as the last one of a process that was killed. */
export function readLine(line: string): SavedLine | undefined {
  const [, sum, text = ''] = /^\{"sum":"(\w+)","line":(.*)\}\n?$/.exec(line) ?? []
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- by the checksum, this version wrote it
  return sum === sumOf(text) ? (JSON.parse(text, revive) as SavedLine) : undefined
}

function sumOf(text: string): string {
  return hash('sha256', FORMAT + text).slice(0, 16)
}

/** In `value`, a buffer is already a list of numbers. */
function replace(this: Readonly<Record<string, unknown>>, name: string, value: unknown): unknown {
  const { [name]: original } = this
  if (Buffer.isBuffer(original)) return { [BYTES]: original.toString('base64') }
  if (value === Infinity) return { [INFINITY]: true }
  const isAlike = isRecord(value) && Object.keys(value).some((each) => each.startsWith(PREFIX))
  return isAlike ? { [OBJECT]: Object.entries(value) } : value
}

function revive(_name: string, value: unknown): unknown {
  if (!isRecord(value)) return value
  const { [BYTES]: bytes, [OBJECT]: members } = value
  if (typeof bytes === 'string') return Buffer.from(bytes, 'base64')
  if (INFINITY in value) return Infinity
  return Array.isArray(members) ? Object.fromEntries(members) : value
}
